import { formatDuration } from '../../config/quantities.ts';
import type { MeasuredRung } from '../../core/ladder.ts';
import type { Decision, Observed, ScaleSpec, ScaleState } from '../../core/scaling.ts';
import { filledBy } from '../need.ts';
import { type RungTurn, rungTurns } from './rung-turns.ts';

/** The moment of a decision, and the state before it. */
export interface LadderMoment {
  readonly before: ScaleState;
  readonly nowMs: number;
}

/** Nobody tells when the last request has ended: it is looked at as often as the first rung may be due, but not more often. */
const leastCheckMs = 1_000;

/**
 * With who of the desired replicas sleeps, and on which rung. While nothing waits or runs, all but `min` go down the rungs
 * as their turns come (rung-turns.ts), from the moment since which the model is idle and its last replica is up, and not
 * within `minUpMs`. Who asks has as many awake as the requests of the moment fill, with the spare ones, or as its signals
 * ask for; by Knative's arithmetic all that are desired. Pure.
 */
export function withLadder(
  decision: Decision,
  observed: Observed,
  spec: ScaleSpec,
  { before, nowMs }: LadderMoment,
): Decision {
  const { ladder = [] } = spec;
  if (ladder.length === 0) return decision;
  const isUp = observed.isWanted || observed.starting > 0;
  const upAtMs = isUp ? nowMs : before.upAtMs;
  const state = upAtMs === undefined ? decision.state : { ...decision.state, upAtMs };
  const isIdle = !isUp && observed.idleSinceMs !== null;
  const awake = Math.min(decision.desired, isIdle ? spec.min : neededBy(decision, observed, spec));
  const turns = rungTurns(ladder, { coldStartMs: coldStartMsOf(spec), startMs: observed.startMs });
  if (!isIdle || awake >= decision.desired) {
    const first = decision.desired > spec.min ? turns[0] : undefined;
    const againAtMs = first && nowMs + Math.max(leastCheckMs, first.atMs);
    return {
      ...decision,
      state,
      sleep: { awake, rung: null },
      nextAtMs: earlier(decision.nextAtMs, againAtMs),
    };
  }

  const sinceMs = Math.max(observed.idleSinceMs ?? nowMs, upAtMs ?? 0);
  const leastMs = upAtMs === undefined ? 0 : upAtMs + spec.minUpMs;
  const dueMsOf = ({ atMs }: RungTurn) => Math.max(leastMs, sinceMs + atMs);
  const taken = turns.findLast((turn) => dueMsOf(turn) <= nowMs);
  const next = turns.find((turn) => dueMsOf(turn) > nowMs);
  return {
    ...decision,
    state,
    sleep: { awake, rung: taken?.rung ?? null },
    reason: taken === undefined ? decision.reason : reasonOf(ladder[taken.rung]!, taken, observed),
    nextAtMs: earlier(decision.nextAtMs, next && dueMsOf(next)),
  };
}

function earlier(atMs: number | null, otherMs: number | undefined): number | null {
  return otherMs === undefined ? atMs : Math.min(atMs ?? otherMs, otherMs);
}

function neededBy({ desired }: Decision, observed: Observed, spec: ScaleSpec): number {
  const load = observed.waiting + observed.inFlight;
  if (spec.policy === 'kpa' && load > 0) return desired;
  const filled = filledBy(observed, spec) + (load > 0 ? spec.buffer : 0);
  return Math.max(spec.min, filled, spec.signalled?.count ?? 0);
}

/** The idle time that is as dear as a cold start: what is given where it is learned when to stop, else when it stops. */
function coldStartMsOf({ coldStartMs, idleMs }: ScaleSpec): number | null {
  return coldStartMs ?? (idleMs > 0 ? idleMs : null);
}

/** `asleep (level 1): idle for 38s, waking takes 1s and a start 22s`. */
function reasonOf({ name, wakeMs }: MeasuredRung, { atMs, why }: RungTurn, { startMs }: Observed): string {
  const asleep = `asleep (${name}): idle for ${inSeconds(atMs)}`;
  if (why === 'written') return asleep;
  if (why === 'trial') return `${asleep}, to learn how long it takes to wake`;
  return `${asleep}, waking takes ${inSeconds(wakeMs ?? 0)} and a start ${inSeconds(startMs ?? 0)}`;
}

function inSeconds(ms: number): string {
  return ms < 1_000 ? formatDuration(Math.round(ms)) : formatDuration(Math.round(ms / 1_000) * 1_000);
}
