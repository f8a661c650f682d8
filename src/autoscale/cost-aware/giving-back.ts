import type { ScaleSpec } from '../../core/scaling.ts';
import type { NeedSince } from './need-history.ts';

/** What is looked at to give replicas back. */
export interface GivingBackInput {
  /** How many there are. */
  readonly current: number;
  /** Needs below that. */
  readonly needs: readonly NeedSince[];
  /** `nowMs` since which nothing waited or ran; null while something does. */
  readonly idleSinceMs: number | null;
  /** When the count last rose; null: not known to have. */
  readonly raisedAtMs: number | null;
  /** How long a start takes; null: not known. */
  readonly startMs: number | null;
}

/** What is left, and when there is less. */
export interface GivenBack {
  readonly count: number;
  /** How long it was kept although less would have done; null: nothing is given back now. */
  readonly keptMs: number | null;
  /** When the next is given back, if nothing changes; Infinity: none. */
  readonly nextAtMs: number;
}

type KeepSpec = Pick<ScaleSpec, 'idleMs' | 'toZeroMs' | 'minUpMs' | 'patience' | 'ladder'>;

/** A replica that starts in a second is not ended and started again by every pause of its clients. */
const leastSurplusMs = 10_000;

/**
 * How long a replica beyond the first is kept that is not needed: as long as its start takes. To keep it costs its GPU for
 * as long as that, and so does a new start: whatever comes, this costs no more than twice what the best choice would have
 * (the rule for renting skis). At least 10 s; never longer than `idleMs`, which holds where no start is known, and where
 * a replica can sleep meanwhile. Pure.
 */
export function surplusKeepMs(
  { idleMs, patience = 1, ladder = [] }: KeepSpec,
  startMs: number | null,
): number {
  const isByStart = startMs !== null && ladder.length === 0;
  return patience * (isByStart ? Math.min(idleMs, Math.max(leastSurplusMs, startMs)) : idleMs);
}

/** How long the last replica is kept without requests. What was learned is not made longer: it has the pauses in it. Pure. */
function lastKeepMs({ idleMs, toZeroMs, patience = 1 }: KeepSpec): number {
  return toZeroMs ?? idleMs * patience;
}

/** Gives back what has not been needed for long enough. Pure. */
export function givenBack(input: GivingBackInput, spec: KeepSpec, nowMs: number): GivenBack {
  const { current, needs, idleSinceMs, raisedAtMs, startMs } = input;
  const keepMs = surplusKeepMs(spec, startMs);
  let left: GivenBack = { count: current, keptMs: null, nextAtMs: Number.POSITIVE_INFINITY };
  const give = (count: number, sinceMs: number, keptMs: number) => {
    if (count >= left.count) return;
    const idleDueMs = Math.max(sinceMs, raisedAtMs ?? sinceMs) + keptMs;
    const dueMs = raisedAtMs === null ? idleDueMs : Math.max(idleDueMs, raisedAtMs + spec.minUpMs);
    if (nowMs < dueMs) left = { ...left, nextAtMs: Math.min(left.nextAtMs, dueMs) };
    else left = { ...left, count, keptMs };
  };
  // To zero first: after an idle time that is shorter than what others are kept for, nothing is.
  if (needs.at(-1)?.count === 0 && idleSinceMs !== null) give(0, idleSinceMs, lastKeepMs(spec));
  for (const { count, sinceMs } of needs) give(Math.max(1, count), sinceMs, keepMs);
  return left;
}
