import type { Clock } from '../core/clock.ts';

/** Something of the cluster that does not work, for the log; it never stops the gateway. */
export interface DiscoveryFault {
  /** What cannot be done, in one line. */
  readonly message: string;
  /** What was caught; null where nothing was thrown. */
  readonly error: unknown;
}

/** A listener for faults; must not throw. */
export type OnDiscoveryFault = (fault: DiscoveryFault) => void;

const againMs = 600_000;
const keptTopics = 1_000;

/** Tells a fault at once, then each 10 min while it lasts. */
export class FaultPace {
  readonly #clock: Clock;
  readonly #onFault: OnDiscoveryFault;
  readonly #toldAtMs = new Map<string, number>();

  constructor(clock: Clock, onFault: OnDiscoveryFault) {
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Tells it unless one of the same topic was told in the last 10 min. */
  tell(topic: string, fault: DiscoveryFault): void {
    const nowMs = this.#clock.nowMs();
    const toldAtMs = this.#toldAtMs.get(topic);
    if (toldAtMs !== undefined && nowMs - toldAtMs < againMs) return;
    if (this.#toldAtMs.size >= keptTopics) this.#toldAtMs.clear();
    this.#toldAtMs.set(topic, nowMs);
    this.#onFault(fault);
  }

  /** It is over: the next one of that topic is told at once. */
  over(topic: string): void {
    this.#toldAtMs.delete(topic);
  }
}
