import type { Decision, Observed, PolicyMemory, ScaleSpec, ScaleState } from '../../core/scaling.ts';
import { filledBy, reasonFor } from '../need.ts';
import { arrivalRateOf, type LoadRates, nextRates, serviceMsOf } from './load-rates.ts';
import { worthStarting } from './worth-starting.ts';

/** What is kept between two decisions. */
interface CostAwareMemory extends PolicyMemory {
  readonly policy: 'cost-aware';
  readonly rates: LoadRates;
}

/** A surplus under load is looked at again after a tenth of `idleMs`, but not more often than this. */
const leastCheckMs = 1_000;

/** A queue for which no further replica is worth its start is looked at again: those that run may be longer than thought. */
const heldBackMs = 250;

/** `raisedAtMs` while a start runs: the minimum up time begins when it has ended, however long it takes. */
const stillRising = Number.POSITIVE_INFINITY;

/**
 * As many replicas as the requests of the moment fill, as far as starting them is worth it (worth-starting.ts), and
 * `buffer` more: upward at once but for `maxStarting`, downward when fewer would have done for `idleMs`, to zero only when
 * nothing waited or ran for `idleMs` (or `toZeroMs`). A count is never lowered while a replica starts, nor before
 * `minUpMs`. `idleMs` 0 lowers nothing. What signals ask for needs to be worth nothing. Always within [min, max], but that a
 * count which others asked for may be above max until it is surplus.
 */
export function decideCostAware(
  observed: Observed,
  spec: ScaleSpec,
  state: ScaleState,
  nowMs: number,
): Decision {
  const memory = rememberedOf(observed, state, nowMs);
  const max = Math.max(spec.max, spec.min);
  const most = mostNow(observed, spec, state.desired);
  const own = wantedOf(observed, spec, state.desired, memory.rates);
  const wanted = Math.max(own, spec.signalled?.count ?? 0);
  const needed = Math.min(most, max, Math.max(spec.min, wanted));
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
      memory,
    },
    nextAtMs,
  });

  const checkMs = checkMsOf(spec);
  const canLower = spec.idleMs > 0;
  if (needed >= current) {
    const isHeldBack = own < Math.min(max, filledBy(observed, spec));
    const againMs = canLower && needed > spec.min ? checkMs : null;
    const nextMs = isHeldBack ? Math.min(heldBackMs, againMs ?? heldBackMs) : againMs;
    const nextAtMs = nextMs === null ? null : nowMs + nextMs;
    const reason = signalReason(spec, own, needed) ?? reasonFor(observed, needed, spec);
    return keep(needed, reason, null, nextAtMs);
  }
  if (!canLower) return keep(current, 'idle 0: kept', null, null);
  if (raisedAtMs === stillRising) return keep(current, 'a replica is starting', null, nowMs + checkMs);

  const isIdle = observed.idleSinceMs !== null;
  const seenSinceMs = state.surplusSinceMs ?? observed.idleSinceMs ?? nowMs;
  // Down to a partial count any surplus counts; to zero only the time in which nothing waited or ran.
  const surplusMs = needed === 0 ? (observed.idleSinceMs ?? nowMs) : seenSinceMs;
  const sinceMs = Math.max(surplusMs, raisedAtMs ?? surplusMs);
  const idleMs = needed === 0 ? (spec.toZeroMs ?? spec.idleMs) : spec.idleMs;
  const dueMs = Math.max(sinceMs + idleMs, raisedAtMs === null ? 0 : raisedAtMs + spec.minUpMs);
  if (nowMs >= dueMs)
    return keep(
      needed,
      isIdle ? `idle for ${idleMs / 1_000}s` : `${needed} would do for ${idleMs / 1_000}s`,
      null,
      needed > spec.min ? nowMs + checkMs : null,
    );
  return keep(
    current,
    isIdle ? 'idle, not for long enough' : `${needed} would do`,
    seenSinceMs,
    isIdle ? dueMs : Math.min(dueMs, nowMs + checkMs),
  );
}

function rememberedOf(observed: Observed, { memory }: ScaleState, nowMs: number): CostAwareMemory {
  const { demand, startMs, inFlight } = observed;
  const before = isCostAware(memory) ? memory.rates : null;
  return {
    policy: 'cost-aware',
    rates: nextRates(before, demand, { nowMs, startMs: startMs ?? 0, inFlight }),
  };
}

function isCostAware(memory: PolicyMemory | undefined): memory is CostAwareMemory {
  return memory?.policy === 'cost-aware';
}

/** A surplus is looked at again after a tenth of the idle time; one that is learned may end after any time. */
function checkMsOf({ idleMs, coldStartMs }: ScaleSpec): number {
  return Math.min(idleMs, coldStartMs === null ? Math.max(leastCheckMs, idleMs / 10) : leastCheckMs);
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
  if (waiting + observed.inFlight === 0) return filled;
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
