import type { Decide, Decision, Observed, ScaleSpec, ScaleState } from '../core/scaling.ts';
import { decideKpa } from './kpa/decide-kpa.ts';
import { kpaSpecOf } from './kpa/kpa-spec.ts';

/** The state before the first decision. */
export const initialScaleState: ScaleState = {
  desired: 0,
  surplusSinceMs: null,
  raisedAtMs: null,
  byOthers: 0,
};

/** A surplus under load is looked at again after a tenth of `idleMs`, but not more often than this. */
const leastCheckMs = 1_000;

/** `raisedAtMs` while a start runs: the minimum up time begins when it has ended, however long it takes. */
const stillRising = Number.POSITIVE_INFINITY;

/**
 * How many replicas there should be: as many as the requests of the moment fill and `buffer` more, upward at once but for
 * `maxStarting`, downward when fewer would have done for `idleMs`, to zero only when nothing waited or ran for `idleMs`. A
 * count is never lowered while a replica starts, nor before `minUpMs`. `idleMs` 0 lowers nothing. Always within
 * [min, max], but that a count which others asked for may be above max until it is surplus. Where others own the count,
 * only 0 -> 1. By the policy kpa, Knative's arithmetic in place of all that.
 */
export const decide: Decide = (observed, spec, before, nowMs) => {
  const state = withOthers(observed, before, nowMs);
  if (spec.owner === 'external') return decideOnlyWake(observed, spec, state);
  if (spec.policy === 'kpa') return decideKpa(observed, kpaSpecOf(spec), before, nowMs);
  const max = Math.max(spec.max, spec.min);
  const most = mostNow(observed, spec, state.desired);
  const needed = Math.min(most, max, Math.max(spec.min, replicasFor(observed, spec)));
  const current = Math.min(most, Math.max(max, state.byOthers), Math.max(spec.min, state.desired));
  const raisedAtMs = upSinceMs(observed, state, { nowMs, isRaised: needed > state.desired });
  const keep = (desired: number, reason: string, sinceMs: number | null, nextAtMs: number | null) => ({
    desired,
    reason,
    state: {
      desired,
      surplusSinceMs: sinceMs,
      raisedAtMs,
      byOthers: desired > max ? desired : 0,
    },
    nextAtMs,
  });

  const checkMs = Math.min(spec.idleMs, Math.max(leastCheckMs, spec.idleMs / 10));
  const canLower = spec.idleMs > 0;
  if (needed >= current) {
    const nextAtMs = canLower && needed > spec.min ? nowMs + checkMs : null;
    return keep(needed, reasonFor(observed, needed, spec), null, nextAtMs);
  }
  if (!canLower) return keep(current, 'idle 0: kept', null, null);
  if (raisedAtMs === stillRising) return keep(current, 'a replica is starting', null, nowMs + checkMs);

  const isIdle = observed.idleSinceMs !== null;
  const seenSinceMs = state.surplusSinceMs ?? observed.idleSinceMs ?? nowMs;
  // Down to a partial count any surplus counts; to zero only the time in which nothing waited or ran.
  const surplusMs = needed === 0 ? (observed.idleSinceMs ?? nowMs) : seenSinceMs;
  const sinceMs = Math.max(surplusMs, raisedAtMs ?? surplusMs);
  const dueMs = Math.max(sinceMs + spec.idleMs, raisedAtMs === null ? 0 : raisedAtMs + spec.minUpMs);
  if (nowMs >= dueMs)
    return keep(
      needed,
      isIdle ? `idle for ${spec.idleMs / 1_000}s` : `${needed} would do for ${spec.idleMs / 1_000}s`,
      null,
      needed > spec.min ? nowMs + checkMs : null,
    );
  return keep(
    current,
    isIdle ? 'idle, not for long enough' : `${needed} would do`,
    seenSinceMs,
    isIdle ? dueMs : Math.min(dueMs, nowMs + checkMs),
  );
};

/** What others asked for is what there is now, and counts as raised at this moment. */
function withOthers({ askedByOthers }: Observed, state: ScaleState, nowMs: number): ScaleState {
  if (askedByOthers === undefined) return state;
  return { desired: askedByOthers, surplusSinceMs: null, raisedAtMs: nowMs, byOthers: askedByOthers };
}

function decideOnlyWake(observed: Observed, spec: ScaleSpec, state: ScaleState): Decision {
  const isNeeded = spec.min > 0 || replicasFor(observed, spec) > 0;
  const desired = state.desired === 0 && isNeeded ? 1 : state.desired;
  const reason =
    desired > state.desired
      ? reasonFor(observed, desired, spec)
      : `others own the count: ${desired === 1 ? '1 replica' : `${desired} replicas`}`;
  return { desired, reason, state: { ...state, desired, byOthers: 0 }, nextAtMs: null };
}

function replicasFor(observed: Observed, spec: ScaleSpec): number {
  const load = observed.waiting + observed.inFlight;
  if (load === 0) return observed.isWanted ? 1 : 0;
  return (spec.concurrency === 0 ? 1 : Math.ceil(load / spec.concurrency)) + spec.buffer;
}

/** The largest count that may be asked for now: `maxStarting` more than are ready, and what is asked for stands. */
function mostNow({ ready }: Observed, { maxStarting }: ScaleSpec, desired: number): number {
  return maxStarting === null ? Number.POSITIVE_INFINITY : Math.max(desired, ready + maxStarting);
}

/** Since when the count is up, for the minimum up time. */
function upSinceMs(
  observed: Observed,
  state: ScaleState,
  { nowMs, isRaised }: { nowMs: number; isRaised: boolean },
): number | null {
  if (observed.starting > 0 || isRaised) return stillRising;
  if (state.raisedAtMs === stillRising || observed.isWanted) return nowMs;
  return state.raisedAtMs;
}

function reasonFor(observed: Observed, needed: number, spec: ScaleSpec): string {
  const load = observed.waiting + observed.inFlight;
  if (load > 0) return `${observed.waiting} waiting and ${observed.inFlight} running`;
  if (observed.isWanted) return 'asked for';
  return needed <= spec.min && needed > 0 ? `min is ${spec.min}` : 'nothing to do';
}
