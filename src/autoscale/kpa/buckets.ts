/**
 * Values of successive buckets, numbered from 0, of which the newest `values.length` are kept: bucket n lies at
 * n % length. Never changed; `recorded` yields others. Knative's TimedFloat64Buckets, for both windows at once: they
 * hold the same values and differ in how far they look back and in when they began.
 */
export interface Buckets {
  readonly values: Float64Array;
  /** The newest that was written; -1: none. Between the first and it, what was not written is 0. */
  readonly last: number;
  /** Where the stable window began to be filled. */
  readonly stableFirst: number;
  /** Where the panic window did: later, after a gap that was longer than it. */
  readonly panicFirst: number;
}

/** Buckets for windows of that many. */
export function emptyBuckets(count: number): Buckets {
  return { values: new Float64Array(count), last: -1, stableFirst: 0, panicFirst: 0 };
}

/** A value to be written. */
export interface BucketValue {
  readonly bucket: number;
  readonly value: number;
}

/**
 * These with the values in (buckets in ascending order, none before `last`); one that has a value already gets the sum.
 * A window in which nothing was written begins anew with the next value.
 */
export function recorded(before: Buckets, written: readonly BucketValue[], panicCount: number): Buckets {
  if (written.length === 0) return before;
  const values = before.values.slice();
  const count = values.length;
  let { last, stableFirst, panicFirst } = before;
  for (const { bucket, value } of written) {
    if (last < 0 || bucket - last >= count) {
      values.fill(0);
      stableFirst = bucket;
      panicFirst = bucket;
    } else {
      for (let gap = last + 1; gap <= bucket; gap++) values[gap % count] = 0;
      if (bucket - last >= panicCount) panicFirst = bucket;
    }
    values[bucket % count]! += value;
    last = bucket;
  }
  return { values, last, stableFirst, panicFirst };
}

/** These for windows of another length: the newest values are kept. */
export function resized(before: Buckets, count: number): Buckets {
  if (before.values.length === count) return before;
  const values = new Float64Array(count);
  const kept = Math.min(count, before.values.length, before.last + 1);
  for (let back = 0; back < kept; back++) {
    const bucket = before.last - back;
    values[bucket % count] = before.values[bucket % before.values.length]!;
  }
  return { ...before, values, stableFirst: Math.max(before.stableFirst, before.last - kept + 1) };
}

/** One of the two windows at a moment: the buckets up to `now` (not before `last`), `count` of them. */
export interface Window {
  readonly now: number;
  readonly count: number;
  readonly first: number;
}

/**
 * The mean over the buckets since the window began, to six digits. What is not written yet, after `last`, does not
 * count as zero: the mean is then over fewer. 0 when nothing was written within the window.
 */
export function linearAverage({ values, last }: Buckets, { now, count, first }: Window): number {
  const missing = now - last;
  if (last < 0 || missing >= count) return 0;
  const filled = Math.min(last - first + 1, count - missing);
  let sum = 0;
  for (let bucket = last - filled + 1; bucket <= last; bucket++) sum += values[bucket % values.length]!;
  return Math.round((sum / filled) * 1e6) / 1e6;
}

/** The weight of the newest bucket is at least this. */
const leastCoefficient = 0.2;
/** All weights of a full window make up at least this. */
const weightPrecision = 0.9999;

/** The weight of the newest of `count` buckets; each older one has `1 - it` of the weight of its successor. */
export function smoothingCoefficient(count: number): number {
  return Math.max(1 - (1 - weightPrecision) ** (1 / count), leastCoefficient);
}

/** The sum of the values with weights that fall with age; what is not written yet counts as zero. */
export function weightedAverage({ values, last }: Buckets, { now, count }: Window): number {
  const missing = now - last;
  if (last < 0 || missing > count) return 0;
  const coefficient = smoothingCoefficient(count);
  const oldest = Math.max(0, last - (count - missing) + 1);
  let weight = coefficient * (1 - coefficient) ** missing;
  let sum = 0;
  for (let bucket = last; bucket >= oldest; bucket--) {
    sum += values[bucket % values.length]! * weight;
    weight *= 1 - coefficient;
  }
  return sum;
}
