const resetsUntilOut = 3;
const firstPenaltyMs = 1_000;
const longestPenaltyMs = 60_000;

/**
 * The connections that a replica reset since its last answer. Its probe may pass all the same, so that being probed is
 * no reason to stay away: one that comes back and resets again stays out for 1 s, doubling to 60 s, until it answers.
 */
export class ResetRecord {
  #inRow = 0;
  #penaltyMs = 0;

  /** Milliseconds for which it stays out before it is probed, where others serve meanwhile. */
  get penaltyMs(): number {
    return this.#penaltyMs;
  }

  /** Counts one; returns whether the replica is to be taken out: at the third in a row, a canary at its first. */
  reset(isCanary: boolean): boolean {
    if (isCanary) this.#penaltyMs = Math.min(longestPenaltyMs, Math.max(firstPenaltyMs, this.#penaltyMs * 2));
    return ++this.#inRow >= resetsUntilOut || isCanary;
  }

  answered(): void {
    this.#inRow = 0;
    this.#penaltyMs = 0;
  }

  /** It takes requests again. */
  readmitted(): void {
    this.#inRow = 0;
  }
}
