import type { Cancel, Clock } from '../core/clock.ts';

/** A timer of which at most one is set: setting it again replaces it. */
export class OneTimer {
  readonly #clock: Clock;
  #cancel: Cancel | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isSet(): boolean {
    return this.#cancel !== null;
  }

  /** Runs `fn` once when `nowMs()` reaches `atMs`. */
  set(atMs: number, fn: () => void): void {
    this.cancel();
    this.#cancel = this.#clock.setTimer(atMs, () => {
      this.#cancel = null;
      fn();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
