import { formatDuration } from '../../config/quantities.ts';
import type { Decision, ScaleSpec, ScaleState } from '../../core/scaling.ts';
import type { IdlePlan } from './foresight.ts';
import type { WakePlan } from './wake-plan.ts';

/** The plan for one idle time, which began at `sinceMs` (`nowMs`). */
export interface Kept extends IdlePlan {
  readonly sinceMs: number;
  readonly coldStartMs: number;
}

/** A moment, and what was decided before it. */
export interface IdleMoment {
  readonly before: ScaleState;
  readonly nowMs: number;
  /** What `nowMs` lacks to milliseconds since the epoch. */
  readonly toWallMs: number;
}

type Turn = 'kept' | 'awaited' | 'in-vain';

/** Timers and sums of instants differ by less. */
const toleranceMs = 0.01;

function turnOf({ wake, sinceMs }: Kept, nowMs: number): Turn {
  if (wake === null || nowMs < sinceMs + wake.fromMs - toleranceMs) return 'kept';
  return nowMs < sinceMs + wake.toMs - toleranceMs ? 'awaited' : 'in-vain';
}

/** The plan as plain numbers of the spec: the idle time first, then one replica while somebody is expected, then none. Pure. */
export function planned(spec: ScaleSpec, kept: Kept, nowMs: number): ScaleSpec {
  const turn = turnOf(kept, nowMs);
  if (turn === 'kept') return { ...spec, toZeroMs: kept.keepMs };
  return { ...spec, toZeroMs: 0, min: turn === 'awaited' ? Math.max(1, spec.min) : spec.min };
}

/** With the plan as its reason, where it is the plan that decides, and asked again when the plan goes on. Pure. */
export function explained(decision: Decision, spec: ScaleSpec, kept: Kept, moment: IdleMoment): Decision {
  const { before, nowMs } = moment;
  const { wake, sinceMs } = kept;
  const turn = turnOf(kept, nowMs);
  if (wake === null) return keptUntil(decision, kept, moment);
  if (turn === 'kept') return askedAgain(keptUntil(decision, kept, moment), sinceMs + wake.fromMs);
  if (turn === 'awaited') {
    const isByPlan = spec.min === 0 && decision.desired === 1;
    const told = isByPlan ? { ...decision, reason: `woken ahead: ${textOf(wake)}` } : decision;
    return askedAgain(told, sinceMs + wake.toMs);
  }
  const isLetGo = before.desired > 0 && decision.desired === 0;
  return isLetGo
    ? { ...decision, reason: `woken ahead in vain: nobody came, though ${textOf(wake)}` }
    : decision;
}

function askedAgain(decision: Decision, atMs: number): Decision {
  return { ...decision, nextAtMs: Math.min(decision.nextAtMs ?? Number.POSITIVE_INFINITY, atMs) };
}

function textOf({ share, earliestMs, latestMs }: WakePlan): string {
  const [from, to] = [formatDuration(seconds(earliestMs)), formatDuration(seconds(latestMs))];
  return `${Math.round(share * 100)} % of such idle times end after ${from === to ? from : `${from} to ${to}`}`;
}

function seconds(ms: number): number {
  return Math.max(1, Math.round(ms / 1_000)) * 1_000;
}

function keptUntil(
  decision: Decision,
  { keepMs, returnShare, sinceMs }: Kept,
  { before, toWallMs }: IdleMoment,
): Decision {
  if (decision.desired === 0) {
    const isLetGo = before.desired > 0 && keepMs === 0;
    return isLetGo
      ? { ...decision, reason: 'idle: no time of waiting for the next request is worth a cold start' }
      : decision;
  }
  const endMs = Math.max(sinceMs, decision.state.raisedAtMs ?? sinceMs) + keepMs;
  if (keepMs === 0 || decision.nextAtMs !== endMs) return decision;
  const until = new Date(endMs + toWallMs).toISOString().slice(11, 16);
  const percent = Math.round(returnShare * 100);
  const reason = `kept until ${until} UTC: ${percent} % of returns at this hour come within ${formatDuration(keepMs)}`;
  return { ...decision, reason };
}
