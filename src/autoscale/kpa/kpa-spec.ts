import { type KpaSettings, kpaLimits } from '../../core/kpa.ts';
import type { ScaleSpec } from '../../core/scaling.ts';
import type { SignalWish } from '../../core/signals.ts';

/** What a decision of the KPA obeys. */
export interface KpaSpec extends KpaSettings {
  readonly min: number;
  /** 0 = no limit. */
  readonly max: number;
  /** Requests at once per replica; 0 = no limit. */
  readonly concurrency: number;
  /** False: the last replica stays. */
  readonly canReachZero: boolean;
  /** How long a start may take; one that takes longer, and a little more, is given up when nobody asks. */
  readonly progressDeadlineMs: number;
  /** What signals ask for, whatever the averages say; absent: nothing. */
  readonly signalled?: SignalWish;
}

/** The spec out of a model's settings: `idleMs` 0 means never to zero, and a start may take as long as a replica may. */
export function kpaSpecOf({ kpa, min, max, concurrency, idleMs, startupMs, signalled }: ScaleSpec): KpaSpec {
  const spec = { ...kpa, min, max, concurrency, canReachZero: idleMs > 0, progressDeadlineMs: startupMs };
  return signalled === undefined ? spec : { ...spec, signalled };
}

/** What follows from a spec. */
export interface KpaTargets {
  /** Of one replica, as the load is divided: at least 0.01. */
  readonly perReplica: number;
  /** What one replica can take at most, for the burst capacity. */
  readonly total: number;
  /** The panic average's share of what the ready replicas are for; 2 = twice as much. */
  readonly panicThreshold: number;
  readonly panicWindowMs: number;
  readonly stableBuckets: number;
  readonly panicBuckets: number;
}

/** A spec with what follows from it. */
export type ResolvedKpa = KpaSpec & KpaTargets;

/** Both windows are averages of buckets of this length. */
export const bucketMs = 1_000;

/** Between two decisions. */
export const tickMs = 2_000;

/** On top of the progress deadline, so that who diagnoses the start comes first. */
export const activationSlackMs = 30_000;

const concurrencyTargetDefault = 100;
const rpsTargetDefault = 200;

/** Knative's ResolveMetricTarget and MakeMetric: target, total and windows. */
export function resolvedKpa(spec: KpaSpec): ResolvedKpa {
  const total = totalOf(spec);
  const panicWindowMs = panicWindowOf(spec);
  return {
    ...spec,
    perReplica: Math.max(kpaLimits.targetMin, total * spec.targetUtilization),
    total,
    panicThreshold: spec.panicThresholdPercentage / 100,
    panicWindowMs,
    stableBuckets: Math.ceil(spec.stableWindowMs / bucketMs),
    panicBuckets: Math.ceil(panicWindowMs / bucketMs),
  };
}

/** A target of concurrency is never above what a replica takes at once. */
function totalOf({ metric, target, concurrency }: KpaSpec): number {
  if (metric === 'rps') return target ?? rpsTargetDefault;
  if (target === null) return concurrency === 0 ? concurrencyTargetDefault : concurrency;
  return concurrency === 0 ? target : Math.min(target, concurrency);
}

/** In whole seconds, one at least. */
function panicWindowOf({ stableWindowMs, panicWindowPercentage }: KpaSpec): number {
  const windowMs = (stableWindowMs * panicWindowPercentage) / 100;
  return Math.max(bucketMs, Math.round(windowMs / 1_000) * 1_000);
}
