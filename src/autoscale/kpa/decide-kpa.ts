import type { Decision, Observed, ScaleState } from '../../core/scaling.ts';
import type { SignalWish } from '../../core/signals.ts';
import { averagesOf, hasData, sampled } from './demand-history.ts';
import { desiredScale } from './desired-scale.ts';
import { boundsOf, type KpaMemory, phasedFrom, rememberedOf } from './kpa-memory.ts';
import { bucketMs, type KpaSpec, type ResolvedKpa, resolvedKpa, tickMs } from './kpa-spec.ts';
import { activityAfter, onWayToZero, type ZeroResult } from './to-zero.ts';

/** A decision, and the room for bursts that it leaves. */
export interface KpaDecision extends Decision {
  /** Requests at once that find room besides those of now and the target burst; negative: so many do not. */
  readonly excessBurstCapacity: number;
}

/**
 * Knative's pod autoscaler: a tick every 2 s wants as many as the averages need (desired-scale.ts), and between ticks
 * what was wanted stands, within min and max and on its way to zero (to-zero.ts). Who comes while nothing is wanted
 * makes a tick at once. Beyond Knative: while something waits or runs, the count is one at least, also by requests per
 * second; no count is lowered while a replica starts; what others asked for is kept for a stable window; and what signals
 * ask for is the least there is.
 */
export function decideKpa(observed: Observed, given: KpaSpec, state: ScaleState, nowMs: number): KpaDecision {
  const spec = resolvedKpa(given);
  const ticked = withTick(rememberedOf(observed, spec, state, nowMs), { observed, spec, nowMs });
  const byOthers = observed.askedByOthers ?? state.byOthers;
  const { least, most } = boundsOf(ticked, spec, byOthers > spec.max ? byOthers : 0);
  const { decided, desired: current, activity, excessBurstCapacity } = ticked;
  const { signalled } = spec;
  const kept = Math.max(keptBy(observed, current), signalled?.count ?? 0);
  const bounded = Math.min(most, Math.max(least, decided ?? current, kept));
  const end: ZeroResult =
    decided === null
      ? { desired: bounded, isInactive: false, why: null, againAtMs: null }
      : onWayToZero({ wanted: bounded, current, activity, spec, nowMs });
  const memory: KpaMemory = {
    ...ticked,
    desired: end.desired,
    activity: activityAfter(activity, {
      desired: decided === null ? null : end.desired,
      isInactive: end.isInactive,
      ready: observed.ready,
      threshold: Math.max(1, least),
      excessBurstCapacity,
      nowMs,
    }),
  };
  return {
    desired: end.desired,
    reason: reasonOf(ticked, { end, bounded, least, most, kept, signalled }),
    excessBurstCapacity,
    state: {
      desired: end.desired,
      raisedAtMs: null,
      byOthers: spec.max > 0 && end.desired > spec.max ? end.desired : 0,
      memory,
    },
    nextAtMs: end.desired === 0 ? null : Math.min(memory.nextSampleMs, end.againAtMs ?? memory.nextTickMs),
  };
}

/** What may not be gone below now, whatever the averages say. */
function keptBy({ waiting, inFlight, starting }: Observed, current: number): number {
  return Math.max(waiting + inFlight > 0 ? 1 : 0, starting > 0 ? current : 0);
}

interface Moment {
  readonly observed: Observed;
  readonly spec: ResolvedKpa;
  readonly nowMs: number;
}

/** A sample and a decision, where they are due. */
function withTick(before: KpaMemory, { observed, spec, nowMs }: Moment): KpaMemory {
  const isPoked =
    (before.decided ?? 0) < 1 && (observed.isWanted || observed.waiting + observed.inFlight > 0);
  const isTick = isPoked || nowMs >= before.nextTickMs;
  if (!isTick && nowMs < before.nextSampleMs) return before;
  const { demand, ready } = observed;
  const history = sampled(before.history, { demand, ready, nowMs }, spec);
  const isAnew = history.originMs !== before.history.originMs;
  const phase = isAnew ? phasedFrom(nowMs) : nextPhase(before, nowMs);
  if (!isTick || !(isPoked || hasData(history))) return { ...before, ...phase, history };
  const averages = averagesOf(history, spec, { nowMs, isPoked });
  const result = desiredScale({ averages, ready, spec, state: before.panic, nowMs });
  const { desired: decided, state: panic, excessBurstCapacity, why } = result;
  return { ...before, ...phase, history, decided, panic, excessBurstCapacity, why };
}

/** A tick that came late does not move those that follow. */
function nextPhase(
  { nextTickMs, nextSampleMs }: KpaMemory,
  nowMs: number,
): { nextTickMs: number; nextSampleMs: number } {
  return {
    nextTickMs: following(nextTickMs, tickMs, nowMs),
    nextSampleMs: following(nextSampleMs, bucketMs, nowMs),
  };
}

function following(dueMs: number, everyMs: number, nowMs: number): number {
  return nowMs < dueMs ? dueMs : dueMs + everyMs * (Math.floor((nowMs - dueMs) / everyMs) + 1);
}

/** `panic: 13 x 7 for 88.4 at once over 6s, max is 4; excess burst capacity -259`. */
function reasonOf(
  { decided, why, isInitialised, excessBurstCapacity }: KpaMemory,
  bounds: {
    end: ZeroResult;
    bounded: number;
    least: number;
    most: number;
    kept: number;
    signalled: SignalWish | undefined;
  },
): string {
  const { end, bounded, least, most, kept, signalled } = bounds;
  const wanted = decided ?? bounded;
  const parts = [why];
  if (bounded < wanted) parts.push(`max is ${most}`);
  else if (bounded > wanted && signalled?.count === kept && kept > least)
    parts.push(signalled.reason, ...(bounded < kept ? [`max is ${most}`] : []));
  else if (bounded > wanted && bounded === least)
    parts.push(isInitialised ? `min is ${least}` : `${least} to begin with`);
  else if (bounded > wanted) parts.push(`not below ${kept} while requests are there or a replica starts`);
  if (end.why !== null) parts.push(end.why);
  return `${parts.join(', ')}; excess burst capacity ${excessBurstCapacity}`;
}
