import type { StartStep } from './start.ts';

/** A past start that became ready, in plain JSON: what is kept across restarts of the gateway. */
export interface StartSample {
  readonly totalMs: number;
  readonly steps: readonly StartStep[];
}

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

/** What is left of a running start, in milliseconds. */
export interface ExpectedRest {
  readonly medianMs: number;
  /** 10 % quantile; null with fewer than five learned starts. */
  readonly earlyMs: number | null;
}

const maxSamples = 32;
const maxSteps = 32;
const learnedStartsNeeded = 5;
/** Each newer start makes the older ones count this much less, so that a changed model is learned in a few starts. */
const decay = 0.85;

/** How long past starts took, step by step. Only starts that became ready belong in it. */
export class StartHistory {
  /** Newest first. */
  readonly #samples: StartSample[] = [];
  /** Of the samples as they are; undefined: not looked at yet. */
  #learned: LearnedStart | null | undefined;
  #learnedProbe: LearnedStart | null | undefined;

  /** Newest first, at most 32. */
  get samples(): readonly StartSample[] {
    return this.#samples;
  }

  add({ totalMs, steps }: StartSample): void {
    const plain = steps.slice(0, maxSteps).map(({ name, offsetMs }) => ({ name, offsetMs }));
    this.#samples.unshift({ totalMs, steps: plain });
    if (this.#samples.length > maxSamples) this.#samples.pop();
    this.#forget();
  }

  /** Takes what an earlier gateway kept, newest first, as older than what was learned here; what makes no sense is left out. */
  seed(samples: unknown): void {
    if (!Array.isArray(samples)) return;
    const room = maxSamples - this.#samples.length;
    const sound = samples.slice(0, maxSamples).map(soundSample);
    this.#samples.push(...sound.filter((sample) => sample !== null).slice(0, room));
    this.#forget();
  }

  /** Weighted quantiles of what was learned; null before the first start. */
  learned(): LearnedStart | null {
    this.#learned ??= this.#learn(({ totalMs }) => totalMs);
    return this.#learned;
  }

  /** The same of the time until the probe passed: what warms a replica comes after it. */
  learnedProbe(): LearnedStart | null {
    this.#learnedProbe ??= this.#learn((sample) => offsetIn(sample, 'warming') ?? sample.totalMs);
    return this.#learnedProbe;
  }

  #forget(): void {
    this.#learned = undefined;
    this.#learnedProbe = undefined;
  }

  #learn(valueIn: (sample: StartSample) => number): LearnedStart | null {
    const totals = this.#weighted(valueIn);
    if (totals.length === 0) return null;
    return {
      earlyMs: weightedQuantile(totals, 0.1),
      medianMs: weightedQuantile(totals, 0.5),
      lateMs: weightedQuantile(totals, 0.9),
      count: totals.length,
    };
  }

  /**
   * What is left of a start that has taken these steps in `sinceMs`: what was left of past ones at the last of its steps
   * that they passed as well, less the time since then. null before the first start.
   */
  rest(steps: readonly StartStep[], sinceMs: number): ExpectedRest | null {
    const passed = steps.findLast(({ name }) =>
      this.#samples.some((sample) => offsetIn(sample, name) !== null),
    );
    const left = this.#weighted((sample) => {
      if (passed === undefined) return sample.totalMs;
      const offsetMs = offsetIn(sample, passed.name);
      return offsetMs === null ? null : Math.max(0, sample.totalMs - offsetMs);
    });
    if (left.length === 0) return null;
    const elapsedMs = sinceMs - (passed?.offsetMs ?? 0);
    const earlyMs =
      left.length < learnedStartsNeeded ? this.#earlyRest(sinceMs) : weightedQuantile(left, 0.1) - elapsedMs;
    return {
      medianMs: Math.max(0, weightedQuantile(left, 0.5) - elapsedMs),
      earlyMs: earlyMs === null ? null : Math.max(0, earlyMs),
    };
  }

  /** By the whole time of past starts. */
  #earlyRest(sinceMs: number): number | null {
    const learned = this.learned();
    return learned === null || learned.count < learnedStartsNeeded ? null : learned.earlyMs - sinceMs;
  }

  /** In ascending order; samples without the value are left out. */
  #weighted(valueIn: (sample: StartSample) => number | null): Weighted[] {
    const known: Weighted[] = [];
    let weight = 1;
    for (const sample of this.#samples) {
      const valueMs = valueIn(sample);
      if (valueMs !== null) known.push({ valueMs, weight });
      weight *= decay;
    }
    return known.sort((a, b) => a.valueMs - b.valueMs);
  }
}

interface Weighted {
  readonly valueMs: number;
  readonly weight: number;
}

function offsetIn({ steps }: StartSample, name: string): number | null {
  return steps.find((step) => step.name === name)?.offsetMs ?? null;
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isStep(value: unknown): value is StartStep {
  if (typeof value !== 'object' || value === null) return false;
  const { name, offsetMs } = value as Partial<StartStep>;
  return typeof name === 'string' && name.length <= 64 && isDuration(offsetMs);
}

function soundSample(value: unknown): StartSample | null {
  if (typeof value !== 'object' || value === null) return null;
  const { totalMs, steps } = value as Partial<StartSample>;
  if (!isDuration(totalMs) || !Array.isArray(steps)) return null;
  const sound = steps.slice(0, maxSteps).filter(isStep);
  return { totalMs, steps: sound.map(({ name, offsetMs }) => ({ name, offsetMs })) };
}

/** The smallest value at which the weights of it and the smaller ones reach the share `q` (inverse distribution). */
function weightedQuantile(sorted: readonly Weighted[], q: number): number {
  return weightedQuantiles(sorted, [q])[0] ?? 0;
}

/** The same for rising shares; none where there is no value. */
function weightedQuantiles(sorted: readonly Weighted[], shares: readonly number[]): number[] {
  let whole = 0;
  for (const { weight } of sorted) whole += weight;
  const found: number[] = [];
  let seen = 0;
  for (const { valueMs, weight } of sorted) {
    seen += weight;
    while (found.length < shares.length && seen >= (shares[found.length] ?? 0) * whole) found.push(valueMs);
  }
  const last = sorted.at(-1);
  while (last !== undefined && found.length < shares.length) found.push(last.valueMs);
  return found;
}
