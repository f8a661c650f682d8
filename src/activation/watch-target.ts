import type { Clock } from '../core/clock.ts';
import type { Driver, Target, TargetStatus } from '../core/driver.ts';

/** How a target is watched. */
export interface WatchTargetOptions {
  readonly driver: Driver;
  readonly target: Target;
  readonly clock: Clock;
  onStatus(status: TargetStatus): void;
  /** Watching failed; it is tried again after a second. */
  onError(error: unknown): void;
  readonly signal: AbortSignal;
}

const retryMs = 1_000;
const pollMs = 50;

/** Watches until the signal aborts, again after each failure. Never rejects. */
export async function watchTarget(options: WatchTargetOptions): Promise<void> {
  const { driver, target, clock, signal } = options;
  while (!signal.aborted) {
    try {
      await driver.watch(target, (status) => !signal.aborted && options.onStatus(status), signal);
    } catch (error) {
      if (!signal.aborted) options.onError(error);
    }
    await pause(clock, retryMs, signal);
  }
}

/** Resolves when `isDone` is true, looked at every 50 ms, or when the signal aborts. */
export async function poll(clock: Clock, isDone: () => boolean, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !isDone()) await pause(clock, pollMs, signal);
}

/** A sleep whose end by the signal is no error. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
