import { Bag, type BagItem } from '../core/bag.ts';
import type { Clock } from '../core/clock.ts';

/** Something that looks at its own deadlines when told the time. */
export interface Watched extends BagItem {
  check(nowMs: number): void;
}

const tickMs = 100;

/** Looks after the timeouts of all running requests with one timer, instead of three timers for each. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #watched = new Bag<Watched>();
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    if (this.#cancel === null) this.#schedule();
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
  }

  /** Requests under watch. */
  get size(): number {
    return this.#watched.size;
  }

  #schedule(): void {
    this.#cancel = this.#clock.setTimer(this.#clock.nowMs() + tickMs, () => {
      this.#cancel = null;
      const nowMs = this.#clock.nowMs();
      this.#watched.forEach((watched) => {
        watched.check(nowMs);
      });
      if (this.#watched.size > 0) this.#schedule();
    });
  }
}
