import { ageGroupCount } from './age-bins.ts';

/** So many returns of the pool stand against those of the model itself. */
const priorReturns = 8;
/** Each return makes the earlier ones count this much less. */
const decay = 0.98;
const largestFactor = 6;

/** How much more often than the pool expects one model returns, by the age of its idle time. */
export class ReturnHabit {
  readonly #returned = new Float64Array(ageGroupCount);
  readonly #expected = new Float64Array(ageGroupCount);

  /** Times the pool's rate; 1 while nothing is known of the model, between 1/6 and 6. */
  factor(group: number): number {
    const ratio =
      (priorReturns + (this.#returned[group] ?? 0)) / (priorReturns + (this.#expected[group] ?? 0));
    return Math.min(largestFactor, Math.max(1 / largestFactor, ratio));
  }

  /** An idle time is over: what was learned before counts less. */
  decay(): void {
    for (let group = 0; group < ageGroupCount; group++) {
      this.#returned[group] = (this.#returned[group] ?? 0) * decay;
      this.#expected[group] = (this.#expected[group] ?? 0) * decay;
    }
  }

  /** Of one stretch: whether it returned in it, and how many returns the pool expected. */
  learn(group: number, isReturn: boolean, expected: number): void {
    this.#returned[group] = (this.#returned[group] ?? 0) + (isReturn ? 1 : 0);
    this.#expected[group] = (this.#expected[group] ?? 0) + expected;
  }
}
