import type { Cancel, Clock } from '../core/clock.ts';

/** What a deadline asks when it has passed. */
export interface StartDeadlineOptions {
  readonly clock: Clock;
  startupMs(): number;
  /** Milliseconds for which what is known may still be too little to say that the start has failed; 0: it has. */
  graceMs(): number;
  onPassed(): void;
}

/** Until when a start must have shown a replica: not told of while nobody could know. */
export class StartDeadline {
  readonly #options: StartDeadlineOptions;
  #armedAtMs: number | null = null;
  #cancel: Cancel | null = null;

  constructor(options: StartDeadlineOptions) {
    this.#options = options;
  }

  /** `nowMs` at which it was armed last; null before. */
  get armedAtMs(): number | null {
    return this.#armedAtMs;
  }

  /** From now on. */
  arm(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#armedAtMs = nowMs;
    this.#set(nowMs + this.#options.startupMs());
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #set(atMs: number): void {
    this.close();
    this.#cancel = this.#options.clock.setTimer(atMs, () => {
      this.#cancel = null;
      const graceMs = this.#options.graceMs();
      if (graceMs > 0) this.#set(this.#options.clock.nowMs() + graceMs);
      else this.#options.onPassed();
    });
  }
}
