import type { Decide, Decision, Observed, ScaleSpec, ScaleState } from '../core/scaling.ts';
import { decideCostAware } from './cost-aware/decide-cost-aware.ts';
import { decideKpa } from './kpa/decide-kpa.ts';
import { kpaSpecOf } from './kpa/kpa-spec.ts';
import { withLadder } from './ladder/with-ladder.ts';
import { filledBy, reasonFor } from './need.ts';
import { weighSignals } from './signals/weigh-signals.ts';
import { patienceOf, withThrash } from './thrash.ts';

/** The state before the first decision. */
export const initialScaleState: ScaleState = {
  desired: 0,
  raisedAtMs: null,
  byOthers: 0,
};

/**
 * How many replicas there should be: the larger of what the policy of the model and its signals ask for, as far as the
 * policy's bounds go; where others own the count, only 0 -> 1. With a ladder, also who of them sleeps.
 */
export const decide: Decide = (observed, spec, before, nowMs) => {
  if (spec.signals === undefined || spec.owner === 'external')
    return decideUnsignalled(observed, spec, before, nowMs);
  return decideWithSignals(observed, { ...spec, signals: spec.signals }, before, nowMs);
};

/** To a policy a sleeping replica is as good as a ready one. */
const decideUnsignalled: Decide = (observed, spec, before, nowMs) => {
  if (spec.ladder === undefined) return decideCount(observed, spec, before, nowMs);
  const told = { ...observed, ready: observed.ready + (observed.asleep ?? 0) };
  return withLadder(decideCount(told, spec, before, nowMs), observed, spec, { before, nowMs });
};

const decideCount: Decide = (observed, spec, before, nowMs) => {
  const state = withOthers(observed, before, nowMs);
  if (spec.owner === 'external') return decideOnlyWake(observed, spec, state);
  const isKpa = spec.policy === 'kpa';
  const patience = patienceOf(before, nowMs);
  const decision = isKpa
    ? decideKpa(observed, kpaSpecOf(spec), before, nowMs)
    : decideCostAware(observed, patience === 1 ? spec : { ...spec, patience }, state, nowMs);
  return withThrash(decision, { observed, spec, before, nowMs });
};

/** The wishes of the signals are told to the policy, and who is used by others is not idle. */
function decideWithSignals(
  observed: Observed,
  spec: ScaleSpec & Required<Pick<ScaleSpec, 'signals'>>,
  before: ScaleState,
  nowMs: number,
): Decision {
  const holdMs = spec.policy === 'kpa' ? spec.kpa.stableWindowMs : 0;
  const given = { settings: spec.signals, holdMs };
  const { wish, memory, nextAtMs } = weighSignals(observed, given, before.signals, nowMs);
  const { idleSinceMs } = observed;
  const usedAtMs = memory.wishedAtMs ?? Number.NEGATIVE_INFINITY;
  const seen =
    idleSinceMs === null ? observed : { ...observed, idleSinceMs: Math.max(idleSinceMs, usedAtMs) };
  const decision = decideUnsignalled(
    seen,
    wish === null ? spec : { ...spec, signalled: wish },
    before,
    nowMs,
  );
  const dues = [decision.nextAtMs, nextAtMs].filter((atMs) => atMs !== null);
  return {
    ...decision,
    state: { ...decision.state, signals: memory },
    nextAtMs: dues.length === 0 ? null : Math.min(...dues),
  };
}

/** What others asked for is what there is now, and counts as raised at this moment. */
function withOthers({ askedByOthers }: Observed, state: ScaleState, nowMs: number): ScaleState {
  if (askedByOthers === undefined) return state;
  return {
    ...state,
    desired: askedByOthers,
    raisedAtMs: nowMs,
    byOthers: askedByOthers,
  };
}

function decideOnlyWake(observed: Observed, spec: ScaleSpec, state: ScaleState): Decision {
  const isNeeded = spec.min > 0 || filledBy(observed, spec) > 0;
  const desired = state.desired === 0 && isNeeded ? 1 : state.desired;
  const reason =
    desired > state.desired
      ? reasonFor(observed, desired, spec)
      : `others own the count: ${desired === 1 ? '1 replica' : `${desired} replicas`}`;
  return { desired, reason, state: { ...state, desired, byOthers: 0 }, nextAtMs: null };
}
