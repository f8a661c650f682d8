/** Time constants of the decaying counts, in seconds, and the logarithms that they are compared with. */
const memories = [
  { timeConstantS: 600, centre: 1 },
  { timeConstantS: 3_600, centre: 1.5 },
  { timeConstantS: 21_600, centre: 2.5 },
  { timeConstantS: 86_400, centre: 3 },
] as const;

export const featureCount = memories.length;

/** How much a model was asked lately: counts of requests that decay over ten minutes, an hour, six hours and a day. */
export class RecentDemand {
  readonly #counts = memories.map(() => 0);
  #atS: number | null = null;

  /** So many requests came at about `nowS`, which never goes back. */
  add(requests: number, nowS: number): void {
    const elapsedS = this.#atS === null ? 0 : nowS - this.#atS;
    for (const [index, { timeConstantS }] of memories.entries())
      this.#counts[index] = (this.#counts[index] ?? 0) * Math.exp(-elapsedS / timeConstantS) + requests;
    this.#atS = nowS;
  }

  /** The counts as logarithms about zero, as they stand after the last `add`. */
  features(): number[] {
    return memories.map(({ centre }, index) => Math.log1p(this.#counts[index] ?? 0) - centre);
  }
}
