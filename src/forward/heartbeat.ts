import type { Cancel, Clock } from '../core/clock.ts';

/** Calls `beat` again and again, every `everyMs`, until it is stopped. */
export class Heartbeat {
  #cancel: Cancel | null = null;

  /** `everyMs` 0: never. */
  start(clock: Clock, everyMs: number, beat: () => void): void {
    if (everyMs === 0) return;
    this.#cancel = clock.setTimer(clock.nowMs() + everyMs, () => {
      beat();
      if (this.#cancel !== null) this.start(clock, everyMs, beat);
    });
  }

  /** Also within a beat. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
