import type { StartFault } from '../core/driver.ts';

const firstMs = 1_000;
const longestMs = 60_000;

/** Why the last start failed. */
export interface StartFailure {
  /** In one line, with the last line of output where there is one. */
  readonly reason: string;
  /** The step in which it failed, or null before the first. */
  readonly phase: string | null;
  /** What kind of reason it is, where the driver could tell. */
  readonly fault: StartFault | null;
  /** The last lines of output. */
  readonly output: readonly string[];
}

/** The back-off after failed starts: 1 s, doubling to 60 s; a start that becomes ready ends it. */
export class BackOff {
  #failure: StartFailure | null = null;
  #delayMs = 0;
  #untilMs = 0;

  /** The last failure, until a start becomes ready. */
  get failure(): StartFailure | null {
    return this.#failure;
  }

  /**
   * Returns the milliseconds until the next try. Another failure within the back-off (of several replicas started
   * together) does not lengthen it. `random` (0 to 1) adds up to a tenth, so that models that failed together are
   * not started together.
   */
  fail(failure: StartFailure, nowMs: number, random: number): number {
    this.#failure = failure;
    if (this.remainingMs(nowMs) > 0) return this.remainingMs(nowMs);
    this.#delayMs = this.#delayMs === 0 ? firstMs : Math.min(longestMs, this.#delayMs * 2);
    const spreadMs = Math.min(longestMs, this.#delayMs * (1 + random / 10));
    this.#untilMs = nowMs + spreadMs;
    return spreadMs;
  }

  succeed(): void {
    this.#failure = null;
    this.#delayMs = 0;
    this.#untilMs = 0;
  }

  /** Milliseconds until a start may be tried; 0 when it may. */
  remainingMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }
}
