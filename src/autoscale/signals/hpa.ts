/**
 * The arithmetic of Kubernetes' HorizontalPodAutoscaler (pkg/controller/podautoscaler/replica_calculator.go): as many
 * replicas as bring the value to its target, none more or less while it is within a tenth of it.
 */
const tolerance = 0.1;
/** 1.1 - 1 is a little more than 0.1. */
const rounding = 1e-9;

/** The value from which a target is missed, so that more replicas are asked for; at this value itself it is not. */
export function missedFrom(target: number): number {
  return target * (1 + tolerance);
}

function isNear(ratio: number): boolean {
  return Math.abs(1 - ratio) <= tolerance + rounding;
}

/** At most double, or four more, whichever is more: the default of an HPA's `behavior.scaleUp`. */
function mostFrom(ready: number): number {
  return Math.max(2 * ready, ready + 4);
}

/**
 * For a value that is one for all replicas and that more of them bring down (HPA: type Object, Value): the ready ones times
 * value by target. A value that is far off says little of how many are missing: it does not ask for more than the step of
 * an HPA.
 */
export function byRatio(value: number, target: number, ready: number): number {
  const ratio = value / target;
  return isNear(ratio) ? ready : Math.min(mostFrom(ready), Math.ceil(ready * ratio));
}

/** For a sum that is divided among all replicas (HPA: type External, AverageValue). `current`: ready or starting. */
export function byShare(sum: number, target: number, current: number): number {
  return isNear(sum / (target * current)) ? current : Math.ceil(sum / target);
}

/** What the replicas tell, for `byReplica`. */
export interface ReplicaValues {
  /** Of the ready ones that tell. */
  readonly values: readonly number[];
  /** Ready ones that tell nothing, or nothing that is fresh. */
  readonly missing: number;
  /** Those that are not ready yet. */
  readonly starting: number;
}

/**
 * For a value that each replica has (HPA: type Pods): their number times mean by target. Those that tell nothing are
 * taken to be at the target where fewer would be asked for, and at 0 where more would, as those that start are; when that
 * turns the tables, the count stands. Null: nobody tells anything.
 */
export function byReplica({ values, missing, starting }: ReplicaValues, target: number): number | null {
  if (values.length === 0) return null;
  const current = values.length + missing + starting;
  const sum = values.reduce((total, value) => total + value, 0);
  const ratio = sum / values.length / target;
  const isMore = ratio > 1;
  if (missing === 0 && (starting === 0 || !isMore))
    return isNear(ratio) ? current : Math.ceil(ratio * values.length);
  const counted = values.length + missing + (isMore ? starting : 0);
  const total = isMore ? sum : sum + missing * target;
  const filled = total / counted / target;
  if (isNear(filled) || filled > 1 !== isMore) return current;
  const count = Math.ceil(filled * counted);
  return isMore === count > current ? count : current;
}
