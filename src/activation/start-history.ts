/** When a start is expected to end, in milliseconds since it began. */
export interface LearnedStart {
  /** 10 % quantile. */
  readonly earlyMs: number;
  readonly medianMs: number;
  /** 90 % quantile. */
  readonly lateMs: number;
  /** How many starts it was learned from. */
  readonly count: number;
}

const maxSamples = 32;
/** Each newer start makes the older ones count this much less, so that a changed model is learned in a few starts. */
const decay = 0.85;

/** How long past starts took. Only starts that became ready belong in it. */
export class StartHistory {
  /** Newest first. */
  readonly #totalsMs: number[] = [];

  add(totalMs: number): void {
    this.#totalsMs.unshift(totalMs);
    if (this.#totalsMs.length > maxSamples) this.#totalsMs.pop();
  }

  /** Weighted quantiles of what was learned; null before the first start. */
  learned(): LearnedStart | null {
    if (this.#totalsMs.length === 0) return null;
    const samples = this.#totalsMs
      .map((totalMs, age) => ({ totalMs, weight: decay ** age }))
      .sort((a, b) => a.totalMs - b.totalMs);
    return {
      earlyMs: weightedQuantile(samples, 0.1),
      medianMs: weightedQuantile(samples, 0.5),
      lateMs: weightedQuantile(samples, 0.9),
      count: samples.length,
    };
  }
}

interface Sample {
  readonly totalMs: number;
  readonly weight: number;
}

/** The smallest sample at which the weights of it and the smaller ones reach the share `q` (inverse distribution). */
function weightedQuantile(sorted: readonly Sample[], q: number): number {
  const limit = q * sorted.reduce((sum, sample) => sum + sample.weight, 0);
  let seen = 0;
  for (const sample of sorted) {
    seen += sample.weight;
    if (seen >= limit) return sample.totalMs;
  }
  return sorted.at(-1)?.totalMs ?? 0;
}
