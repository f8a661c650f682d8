import { OneTimer } from './one-timer.ts';
import type { ReplicaHost } from './replica-host.ts';

/** By when a replica must be ready: `ready.startup` from its start, or from when it stopped being ready. */
export class ReadyDeadline {
  readonly #host: Pick<ReplicaHost, 'clock' | 'isFixed' | 'settings'>;
  readonly #onPassed: () => void;
  readonly #timer: OneTimer;
  #dueMs = Number.POSITIVE_INFINITY;

  /** `onPassed` when the time is over, and again after each `extend`; never for a fixed replica. */
  constructor(host: Pick<ReplicaHost, 'clock' | 'isFixed' | 'settings'>, onPassed: () => void) {
    this.#host = host;
    this.#onPassed = onPassed;
    this.#timer = new OneTimer(host.clock);
  }

  /** Whether the time that it was given first is over, however often it was extended since. */
  get isPassed(): boolean {
    return this.#host.clock.nowMs() >= this.#dueMs;
  }

  /** `fromMs` (`nowMs`) is when it began. */
  arm(fromMs: number): void {
    if (this.#host.isFixed) return;
    this.#dueMs = fromMs + this.#host.settings().ready.startupMs;
    this.#timer.set(this.#dueMs, this.#onPassed);
  }

  /** It is late, and has `ms` more. */
  extend(ms: number): void {
    if (this.#host.isFixed) return;
    const nowMs = this.#host.clock.nowMs();
    this.#dueMs = Math.min(this.#dueMs, nowMs);
    this.#timer.set(nowMs + ms, this.#onPassed);
  }

  /** It is ready, or is to end. */
  cancel(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#timer.cancel();
  }
}
