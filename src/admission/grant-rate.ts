/** How much the newest gap counts. */
const newestShare = 0.2;

/** How fast a queue drains: a moving mean of the time between grants while somebody waited throughout. */
export class GrantRate {
  #lastAtMs: number | null = null;
  #meanGapMs: number | null = null;

  /** A waiter got a slot. */
  granted(nowMs: number): void {
    if (this.#lastAtMs !== null) {
      const gapMs = nowMs - this.#lastAtMs;
      this.#meanGapMs =
        this.#meanGapMs === null ? gapMs : this.#meanGapMs + newestShare * (gapMs - this.#meanGapMs);
    }
    this.#lastAtMs = nowMs;
  }

  /** Nobody waits: the time until the next grant says nothing. */
  emptied(): void {
    this.#lastAtMs = null;
  }

  /** Expected milliseconds until `waiting` have got theirs; null before anything was measured. */
  drainMs(waiting: number): number | null {
    return this.#meanGapMs === null ? null : this.#meanGapMs * waiting;
  }
}
