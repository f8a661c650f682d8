import type { Decision, Observed, ScaleSpec, ScaleState, ThrashRecord } from '../core/scaling.ts';

const mostPatience = 4;
const rememberedMs = 3_600_000;

/**
 * How many times as long replicas that are not needed are kept: twice after a start soon after a stop, four times, which is
 * the most, after another. All of it is forgotten at once when none came for an hour: a time that shrank meanwhile could
 * not be told in advance. Pure.
 */
export function patienceOf({ thrash }: ScaleState, nowMs: number): number {
  return thrash === undefined ? 1 : Math.min(mostPatience, 2 ** remembered(thrash, nowMs).count);
}

/** What a decision was made of. */
interface Decided {
  readonly observed: Observed;
  readonly spec: ScaleSpec;
  /** The state before it. */
  readonly before: ScaleState;
  readonly nowMs: number;
}

/**
 * With what it means for the record: a lower count is remembered, and a higher one soon after it counts once. Only what is
 * decided here counts, not what others, an operator or a failed start made of the count, nor a `max` that was lowered. Pure.
 */
export function withThrash(decision: Decision, { observed, spec, before, nowMs }: Decided): Decision {
  const windowMs = windowOf(spec);
  if (windowMs === 0) return decision;
  const had = observed.askedByOthers ?? before.desired;
  const known = before.thrash === undefined ? null : remembered(before.thrash, nowMs);
  const { desired } = decision;
  if (desired < Math.min(had, Math.max(spec.min, spec.max)))
    return withRecord(decision, { ...(known ?? none), loweredAtMs: nowMs });
  if (known === null) return decision;
  if (desired <= had || known.loweredAtMs === null) return withRecord(decision, known);
  const startedAgainAfterMs = nowMs - known.loweredAtMs;
  if (startedAgainAfterMs > windowMs) return withRecord(decision, { ...known, loweredAtMs: null });
  const record = { loweredAtMs: null, count: known.count + 1, lastAtMs: nowMs };
  return { ...withRecord(decision, record), startedAgainAfterMs };
}

const none: ThrashRecord = { loweredAtMs: null, count: 0, lastAtMs: null };

/** By cost-aware no longer than `idleMs`: twice the idle time would have spared just the starts within once of it. */
function windowOf({ policy, thrashWindowMs, idleMs }: ScaleSpec): number {
  return policy === 'kpa' ? thrashWindowMs : Math.min(thrashWindowMs, idleMs);
}

function remembered(record: ThrashRecord, nowMs: number): ThrashRecord {
  const { lastAtMs, loweredAtMs } = record;
  return lastAtMs !== null && nowMs - lastAtMs >= rememberedMs ? { ...none, loweredAtMs } : record;
}

function withRecord(decision: Decision, thrash: ThrashRecord): Decision {
  return { ...decision, state: { ...decision.state, thrash } };
}
