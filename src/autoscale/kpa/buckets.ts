/**
 * Values of successive buckets, numbered from 0. Knative's TimedFloat64Buckets, for both windows at once: they hold the
 * same values and differ in how far they look back and in when they began.
 *
 * `values` is a ring with a little to spare, which successive states share: what `recorded` was given stays good while
 * no more than `spareBuckets` are written after it. Ten thousand windows a second are not worth copying.
 */
export interface Buckets {
  /** Bucket n lies at n % length. */
  readonly values: Float64Array;
  /** How many the longer window has. */
  readonly count: number;
  /** The newest that was written; -1: none. Between the first and it, what was not written is 0. */
  readonly last: number;
  /** Where the stable window began to be filled. */
  readonly stableFirst: number;
  /** Where the panic window did: later, after a gap that was longer than it. */
  readonly panicFirst: number;
}

/** So many may be written after a state before it is spoilt. */
const spareBuckets = 8;

/** Buckets for windows of that many. */
export function emptyBuckets(count: number): Buckets {
  return { values: ringOf(count), count, last: -1, stableFirst: 0, panicFirst: 0 };
}

function ringOf(count: number): Float64Array {
  return new Float64Array(count + spareBuckets);
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
  const newest = written.at(-1);
  if (newest === undefined) return before;
  const { count } = before;
  let { values, last, stableFirst, panicFirst } = before;
  if (newest.bucket - last > spareBuckets) values = values.slice();
  for (const { bucket, value } of written) {
    if (last < 0 || bucket - last >= count) {
      values = ringOf(count);
      stableFirst = bucket;
      panicFirst = bucket;
    } else {
      for (let gap = last + 1; gap <= bucket; gap++) values[gap % values.length] = 0;
      if (bucket - last >= panicCount) panicFirst = bucket;
    }
    values[bucket % values.length]! += value;
    last = bucket;
  }
  return { values, count, last, stableFirst, panicFirst };
}

/** These in a ring of their own. */
export function copied(buckets: Buckets): Buckets {
  return { ...buckets, values: buckets.values.slice() };
}

/** These for windows of another length: the newest values are kept. */
export function resized(before: Buckets, count: number): Buckets {
  if (before.count === count) return before;
  const values = ringOf(count);
  const kept = Math.min(count, before.count, before.last + 1);
  for (let back = 0; back < kept; back++) {
    const bucket = before.last - back;
    values[bucket % values.length] = before.values[bucket % before.values.length]!;
  }
  return { ...before, values, count, stableFirst: Math.max(before.stableFirst, before.last - kept + 1) };
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
  const begin = (last - filled + 1) % values.length;
  const end = begin + filled;
  let sum = 0;
  for (let index = begin; index < Math.min(end, values.length); index++) sum += values[index]!;
  for (let index = 0; index < end - values.length; index++) sum += values[index]!;
  return Math.round((sum / filled) * 1e6) / 1e6;
}

/** The weight of the newest bucket is at least this. */
const leastCoefficient = 0.2;
/** All weights of a full window make up at least this. */
const weightPrecision = 0.9999;

/** The weight of the newest of `count` buckets; each older one has `1 - it` of the weight of its successor. */
function smoothingCoefficient(count: number): number {
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
