import type { DemandTotals } from '../../core/scaling.ts';
import {
  type Buckets,
  type BucketValue,
  copied,
  emptyBuckets,
  linearAverage,
  recorded,
  resized,
  weightedAverage,
} from './buckets.ts';
import { bucketMs, type ResolvedKpa } from './kpa-spec.ts';

/** The demand of one model over its windows. Never changed; `sampled` yields the next. */
export interface DemandHistory {
  /** Where bucket 0 begins: when the windows began to be filled, so that the first bucket is a whole one. */
  readonly originMs: number;
  readonly buckets: Buckets;
  /** What lies in the bucket that is not over yet; null: nothing is to be written there so far. */
  readonly open: number | null;
  /** The last sample. */
  readonly totals: DemandTotals;
  readonly sampledAtMs: number;
}

/** What is sampled. */
export interface DemandSample {
  readonly demand: DemandTotals;
  /** Replicas that take requests: while there are some, a second without demand is a zero; else it is not known. */
  readonly ready: number;
  readonly nowMs: number;
}

/** A history that begins with this sample. */
export function beginHistory({ demand, nowMs }: DemandSample, { stableBuckets }: ResolvedKpa): DemandHistory {
  const buckets = emptyBuckets(stableBuckets);
  return { originMs: nowMs, buckets, open: null, totals: demand, sampledAtMs: nowMs };
}

/**
 * The history with what came since its last sample, spread evenly over the buckets in between: requests at once are
 * the growth of waitingMs + inFlightMs by time, requests per second that of arrived. When nothing was written for a
 * whole window, the buckets begin anew at this sample.
 */
export function sampled(before: DemandHistory, sample: DemandSample, spec: ResolvedKpa): DemandHistory {
  const { demand, ready, nowMs } = sample;
  const { stableBuckets, panicBuckets } = spec;
  const amount = amountBetween(before.totals, demand, spec.metric);
  const isWritten = ready > 0 || amount > 0;
  const sizedBuckets = resized(before.buckets, stableBuckets);
  const nowBucket = bucketAt(before, nowMs);
  const isStale = nowBucket - sizedBuckets.last > stableBuckets || sizedBuckets.last < 0;
  if (!isWritten && before.open === null && isStale) return beginHistory(sample, spec);
  const spread = spreadOver(before, { amount, isWritten, nowMs });
  return {
    originMs: before.originMs,
    buckets: recorded(sizedBuckets, spread.written, panicBuckets),
    open: spread.open,
    totals: demand,
    sampledAtMs: nowMs,
  };
}

/** Whether anything was written. */
export function hasData({ buckets }: DemandHistory): boolean {
  return buckets.last >= 0;
}

/** Averages over both windows. */
export interface Averages {
  readonly stable: number;
  readonly panic: number;
}

/**
 * The averages at `nowMs`, over the buckets that are over. `poke`: somebody has just come to a model that needed
 * nobody, and counts as one request at once in the bucket of the moment, before any time has passed.
 */
export function averagesOf(
  history: DemandHistory,
  spec: ResolvedKpa,
  { nowMs, isPoked }: { nowMs: number; isPoked: boolean },
): Averages {
  const { stableBuckets, panicBuckets } = spec;
  const current = bucketAt(history, nowMs);
  const poke = [{ bucket: current, value: 1 }];
  const buckets = isPoked ? recorded(copied(history.buckets), poke, panicBuckets) : history.buckets;
  const now = isPoked ? current : current - 1;
  const average = spec.aggregation === 'linear' ? linearAverage : weightedAverage;
  return {
    stable: average(buckets, { now, count: stableBuckets, first: buckets.stableFirst }),
    panic: average(buckets, { now, count: panicBuckets, first: buckets.panicFirst }),
  };
}

function bucketAt({ originMs }: DemandHistory, nowMs: number): number {
  return Math.floor((nowMs - originMs) / bucketMs);
}

/** In the unit of a bucket: requests at once times seconds, or requests. Totals that fell are another gate's. */
function amountBetween(from: DemandTotals, to: DemandTotals, metric: ResolvedKpa['metric']): number {
  if (metric === 'rps') return Math.max(0, to.arrived - from.arrived);
  const lastedMs = to.waitingMs + to.inFlightMs - from.waitingMs - from.inFlightMs;
  return Math.max(0, lastedMs / 1_000);
}

function spreadOver(
  history: DemandHistory,
  { amount, isWritten, nowMs }: { amount: number; isWritten: boolean; nowMs: number },
): { written: BucketValue[]; open: number | null } {
  const { originMs, sampledAtMs, buckets } = history;
  const from = bucketAt(history, sampledAtMs);
  const to = bucketAt(history, nowMs);
  const isOpen = isWritten || history.open !== null;
  if (from >= to) return { written: [], open: isOpen ? (history.open ?? 0) + amount : null };
  const perMs = amount / (nowMs - sampledAtMs);
  const startOf = (bucket: number) => originMs + bucket * bucketMs;
  const written: BucketValue[] = [];
  if (isOpen) {
    written.push({ bucket: from, value: (history.open ?? 0) + perMs * (startOf(from + 1) - sampledAtMs) });
  }
  // Of a gap longer than the window only the end is kept.
  const oldest = Math.max(from + 1, to - buckets.count);
  for (let bucket = oldest; isWritten && bucket < to; bucket++) {
    written.push({ bucket, value: perMs * bucketMs });
  }
  return { written, open: isWritten ? perMs * (nowMs - startOf(to)) : null };
}
