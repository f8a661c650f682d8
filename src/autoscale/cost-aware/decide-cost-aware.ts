import type { Decision, Observed, PolicyMemory, ScaleSpec, ScaleState } from '../../core/scaling.ts';
import { filledBy, reasonFor } from '../need.ts';
import { givenBack, surplusKeepMs } from './giving-back.ts';
import { arrivalRateOf, type LoadRates, nextRates, serviceMsOf } from './load-rates.ts';
import { type NeedSince, needsBelow, noNeeds, withNeed } from './need-history.ts';
import { surplusReason } from './surplus-reason.ts';
import { worthStarting } from './worth-starting.ts';

/** What is kept between two decisions. */
interface CostAwareMemory extends PolicyMemory {
  readonly policy: 'cost-aware';
  readonly rates: LoadRates;
  /** What was needed while more were there. */
  readonly needs: readonly NeedSince[];
}

/** A surplus under load is looked at again after a tenth of the time that it is kept, but not more often than this. */
const leastCheckMs = 1_000;

/** Why there is one replica is never older than this, but for longer idle times. */
const freshReasonMs = 30_000;

/** A queue for which no further replica is worth its start is looked at again: those that run may be longer than thought. */
const heldBackMs = 250;

/** `raisedAtMs` while a start runs: the minimum up time begins when it has ended, however long it takes. */
const stillRising = Number.POSITIVE_INFINITY;

/**
 * As many replicas as the requests of the moment fill, as far as starting them is worth it (worth-starting.ts), and
 * `buffer` more: upward at once but for `maxStarting`, downward to one when fewer would have done for about as long as a
 * start takes (giving-back.ts), to zero only when nothing waited or ran for `idleMs` (or `toZeroMs`). A count is never
 * lowered while a replica starts, nor before `minUpMs`. `idleMs` 0 lowers nothing. What signals ask for needs to be worth
 * nothing. Always within [min, max], but that a count which others asked for may be above max until it is surplus.
 */
export function decideCostAware(
  observed: Observed,
  spec: ScaleSpec,
  state: ScaleState,
  nowMs: number,
): Decision {
  const before = isCostAware(state.memory) ? state.memory : null;
  const rates = ratesAfter(before, observed, nowMs);
  const max = Math.max(spec.max, spec.min);
  const most = mostNow(observed, spec, state.desired);
  const own = wantedOf(observed, spec, state.desired, rates);
  const wanted = Math.max(own, spec.signalled?.count ?? 0);
  const needed = Math.min(most, max, Math.max(spec.min, wanted));
  const current = Math.min(most, Math.max(max, state.byOthers), Math.max(spec.min, state.desired));
  const raisedAtMs = upSinceMs(observed, state, { nowMs, isRaised: needed > state.desired });
  const sinceMs = observed.idleSinceMs ?? nowMs;
  const needs = withNeed(before?.needs ?? noNeeds, { count: needed, sinceMs });
  const keep = (desired: number, reason: string, nextAtMs: number | null): Decision => {
    const memory: CostAwareMemory = { policy: 'cost-aware', rates, needs: needsBelow(needs, desired) };
    const byOthers = desired > max ? desired : 0;
    return { desired, reason, state: { desired, raisedAtMs, byOthers, memory }, nextAtMs };
  };

  const checkAtMs = nowMs + checkMsOf(observed, spec, current);
  if (needed >= current) {
    const isHeldBack = own < Math.min(max, mostUseful(observed, spec));
    const againMs = spec.idleMs > 0 && needed > spec.min ? checkAtMs : Number.POSITIVE_INFINITY;
    const nextAtMs = isHeldBack ? Math.min(nowMs + heldBackMs, againMs) : againMs;
    const reason = signalReason(spec, own, needed) ?? reasonFor(observed, needed, spec);
    return keep(needed, reason, Number.isFinite(nextAtMs) ? nextAtMs : null);
  }
  if (spec.idleMs === 0) return keep(current, 'idle 0: kept', null);
  if (raisedAtMs === stillRising) return keep(current, 'a replica is starting', checkAtMs);
  const { idleSinceMs, startMs } = observed;
  const input = { current, needs: needsBelow(needs, current), idleSinceMs, raisedAtMs, startMs };
  const left = givenBack(input, spec, nowMs);
  // Who is idle has nothing that would be looked at before then.
  const dueMs = idleSinceMs === null ? Math.min(left.nextAtMs, checkAtMs) : left.nextAtMs;
  const nextAtMs = left.count > spec.min ? dueMs : null;
  return keep(left.count, surplusReason(left, needed, { observed, spec }), nextAtMs);
}

function ratesAfter(before: CostAwareMemory | null, observed: Observed, nowMs: number): LoadRates {
  const { demand, startMs, inFlight } = observed;
  return nextRates(before?.rates ?? null, demand, { nowMs, startMs: startMs ?? 0, inFlight });
}

function isCostAware(memory: PolicyMemory | undefined): memory is CostAwareMemory {
  return memory?.policy === 'cost-aware';
}

/**
 * A surplus is looked at again after a tenth of the time for which it is kept; one that is learned may end after any time.
 * The only replica goes when nothing has waited or run for `idleMs`: within that time from now nothing can be missed, and it
 * is looked at for the sake of the reason that people read.
 */
function checkMsOf({ startMs }: Observed, spec: ScaleSpec, current: number): number {
  const { idleMs, coldStartMs, min } = spec;
  if (coldStartMs !== null) return Math.min(idleMs, leastCheckMs);
  const isOnly = current <= Math.max(1, min);
  const keptMs = isOnly ? idleMs : Math.min(idleMs, surplusKeepMs(spec, startMs));
  return Math.min(idleMs, Math.max(isOnly ? freshReasonMs : leastCheckMs, keptMs / 10));
}

/** As many as the requests fill, with the spare ones on top. */
function mostUseful(observed: Observed, spec: ScaleSpec): number {
  return filledBy(observed, spec) + (hasLoad(observed) ? spec.buffer : 0);
}

function hasLoad({ waiting, inFlight }: Observed): boolean {
  return waiting + inFlight > 0;
}

/** Where a signal asks for more than the requests do, and than `min`; null: it does not. */
function signalReason({ min, signalled }: ScaleSpec, own: number, needed: number): string | null {
  if (signalled === undefined || signalled.count <= Math.max(min, own)) return null;
  return needed < signalled.count ? `${signalled.reason}; ${needed} for now` : signalled.reason;
}

/** As many as are worth it, with the spare ones on top. */
function wantedOf(observed: Observed, spec: ScaleSpec, current: number, rates: LoadRates): number {
  const { waiting, startMs } = observed;
  const filled = filledBy(observed, spec);
  if (!hasLoad(observed)) return filled;
  const worth = worthStarting({
    waiting,
    current: Math.max(0, current - spec.buffer),
    filled,
    concurrency: spec.concurrency,
    startMs,
    serviceMs: serviceMsOf(rates, observed.inFlight),
    arrivalRate: arrivalRateOf(rates, waiting),
  });
  return worth + spec.buffer;
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
