const firstMs = 60_000;
const longestMs = 3_600_000;

/** How long a rung is not tried after a sleep on it failed: a minute, doubling to an hour; one that works ends it. */
export class SleepBackOff {
  readonly #byRung = new Map<string, { delayMs: number; untilMs: number }>();

  /** Returns the milliseconds until the next try; another failure within them does not lengthen them. */
  fail(rung: string, nowMs: number): number {
    const before = this.#byRung.get(rung);
    if (before !== undefined && nowMs < before.untilMs) return before.untilMs - nowMs;
    const delayMs = before === undefined ? firstMs : Math.min(longestMs, before.delayMs * 2);
    this.#byRung.set(rung, { delayMs, untilMs: nowMs + delayMs });
    return delayMs;
  }

  succeed(rung: string): void {
    this.#byRung.delete(rung);
  }

  /** `nowMs` from which it may be tried; 0: at any time. */
  untilMs(rung: string): number {
    return this.#byRung.get(rung)?.untilMs ?? 0;
  }
}
