import { formatDuration } from '../../config/quantities.ts';
import { activationSlackMs, type KpaSpec } from './kpa-spec.ts';

/**
 * What Knative says of a revision (the condition Active).
 *
 * | phase | meaning | down to zero |
 * |---|---|---|
 * | activating | fewer are ready than it needs to be up | not before the progress deadline and 30 s have passed |
 * | active | enough are ready | becomes inactive when it was active for a stable window, else one stays |
 * | inactive | nobody asks | after the retention, and when the gateway held the way for the grace |
 */
export type Phase = 'activating' | 'active' | 'inactive';

/** What the way to zero keeps. */
export interface Activity {
  readonly phase: Phase;
  /** Since when it is in that phase. */
  readonly sinceMs: number;
  /** Since when all requests go by the gateway, since they would not find room without it; null: they need not. */
  readonly heldSinceMs: number | null;
}

/** What there is, for the way to zero. */
export interface ZeroInput {
  /** Within min and max: 0 is where this begins. */
  readonly wanted: number;
  /** The count that stands. */
  readonly current: number;
  readonly activity: Activity;
  readonly spec: KpaSpec;
  readonly nowMs: number;
}

/** What the way to zero says. */
export interface ZeroResult {
  readonly desired: number;
  /** Whether it is to be called inactive. */
  readonly isInactive: boolean;
  /** Why the count is not `wanted`; null: it is. */
  readonly why: string | null;
  /** When to look again; null: not for this. */
  readonly againAtMs: number | null;
}

/** Knative's handleScaleToZero (pkg/reconciler/autoscaling/kpa/scaler.go). */
export function onWayToZero({ wanted, current, activity, spec, nowMs }: ZeroInput): ZeroResult {
  const as = (desired: number, why: string | null, againAtMs: number | null, isInactive = desired === 0) => {
    return { desired, isInactive, why, againAtMs };
  };
  if (wanted > 0) return as(wanted, null, null);
  if (current === 0) return as(0, null, null);
  if (!spec.canReachZero) return as(1, 'never to zero', null);
  const { phase, sinceMs } = activity;
  if (phase === 'activating') {
    const dueMs = sinceMs + spec.progressDeadlineMs + activationSlackMs;
    return nowMs > dueMs
      ? as(0, 'could not be activated', null)
      : as(current, 'kept while it starts', dueMs + 1, false);
  }
  if (phase === 'active') {
    const dueMs = sinceMs + spec.stableWindowMs;
    if (nowMs < dueMs) return as(1, `kept, active for less than ${inWords(spec.stableWindowMs)}`, dueMs);
    return as(current, 'idle', null, true);
  }
  const dueMs = endsAtMs(activity, spec, nowMs);
  return nowMs >= dueMs
    ? as(0, null, null)
    : as(current, `kept, idle until ${inWords(dueMs - nowMs)} from now`, dueMs, true);
}

/** When the last replica of an inactive one may end. */
function endsAtMs({ sinceMs, heldSinceMs }: Activity, spec: KpaSpec, nowMs: number): number {
  const latestMs = sinceMs + Math.max(spec.scaleToZeroGraceMs, spec.podRetentionMs);
  const heldEnoughMs = (heldSinceMs ?? nowMs) + spec.scaleToZeroGraceMs;
  return Math.min(latestMs, Math.max(sinceMs + spec.podRetentionMs, heldEnoughMs));
}

/** What the phase is told from. */
export interface ActivityInput {
  /** What is to be; null: nothing is known yet. */
  readonly desired: number | null;
  readonly isInactive: boolean;
  readonly ready: number;
  /** So many must be ready for it to be up. */
  readonly threshold: number;
  readonly excessBurstCapacity: number;
  readonly nowMs: number;
}

/** Knative's computeActiveCondition, and whether the gateway is in the requests' way (pkg/.../kpa/kpa.go). */
export function activityAfter(before: Activity, input: ActivityInput): Activity {
  const { desired, isInactive, excessBurstCapacity, nowMs } = input;
  const phase = phaseAfter(before.phase, input);
  const isBypassed = desired !== null && desired > 0 && !isInactive && excessBurstCapacity >= 0;
  return {
    phase,
    sinceMs: phase === before.phase ? before.sinceMs : nowMs,
    heldSinceMs: isBypassed ? null : (before.heldSinceMs ?? nowMs),
  };
}

function phaseAfter(before: Phase, { desired, isInactive, ready, threshold }: ActivityInput): Phase {
  if (isInactive) return 'inactive';
  if (desired === null && before === 'inactive') return 'inactive';
  return ready < threshold ? 'activating' : 'active';
}

function inWords(ms: number): string {
  return formatDuration(Math.ceil(ms / 1_000) * 1_000);
}
