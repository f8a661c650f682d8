import type { BackendLoad } from '../../../core/signals.ts';

/** The most at once where the revision sets no limit (CONTAINER_CONCURRENCY 0) and the app's gauges do. */
export const unlimitedBound = 1_000;

/** What the rule obeys. */
export interface LimitBounds {
  /** The limit is never above it, nor below 1. */
  readonly bound: number;
  /** Requests that may wait in the app itself before it gets fewer. */
  readonly maxWaiting: number;
}

/** What it keeps from one reading to the next. */
export interface LimitState {
  readonly limit: number;
  /** Milliseconds of the clock. */
  readonly changedAtMs: number;
  /** Readings in a row that tell of too much. */
  readonly overloads: number;
  /** Readings in a row that could not be had. */
  readonly misses: number;
}

/** What is seen with a reading. */
export interface LimitSight {
  readonly nowMs: number;
  /** What the app says of itself; null: it could not be read. */
  readonly load: BackendLoad | null;
  /** Requests that the app has from here. */
  readonly inFlight: number;
}

/** Gauges tell what was 3 to 6 s ago: so long nothing is concluded after less was let in. */
const lagMs = 6_000;
/** At most one more in that time: what is let in before the gauges tell of it is then three at most. */
const raiseEveryMs = 2_000;
/** One reading may catch what came just before the engine's next step. */
const overloadsToLower = 2;
/** So much is left at once, unless the engine itself runs more: a reading may be one of a moment that was quieter. */
const leastKept = 0.7;
const missesToGiveUp = 3;
/** From here on nobody more is let in: engines throw work away when the cache overflows. */
const fillingCache = 0.9;
/** Where an app does not say how many wait, a cache this full means that some do. */
const fullCache = 0.97;

/** Before anything was read: all that is allowed, which no gauge has still to follow. */
export function firstLimit({ bound }: LimitBounds): LimitState {
  return { limit: bound, changedAtMs: Number.NEGATIVE_INFINITY, overloads: 0, misses: 0 };
}

/** Whether the gauges are given up, and what was configured holds, until they can be read. */
export function isGivenUp({ misses }: LimitState): boolean {
  return misses >= missesToGiveUp;
}

/**
 * The limit after a reading. While the app has nothing waiting, room in its cache, and all that it may have, it gets one more.
 * When it queues inside, twice in a row, it gets what it runs and `maxWaiting`, but no less than 7/10 of what it has. Gauges that
 * cannot be read three times in a row: back to the bound.
 */
export function nextLimit(state: LimitState, sight: LimitSight, bounds: LimitBounds): LimitState {
  const { load, nowMs } = sight;
  if (load === null) {
    const misses = state.misses + 1;
    const isLost = misses >= missesToGiveUp;
    return { ...state, misses, overloads: 0, limit: isLost ? bounds.bound : state.limit };
  }
  const sinceChangeMs = nowMs - state.changedAtMs;
  const isTooMuch = isOverloaded(load, bounds);
  const overloads = isTooMuch ? state.overloads + 1 : 0;
  const kept = { ...state, misses: 0, overloads };
  if (isTooMuch) {
    if (overloads < overloadsToLower || sinceChangeMs < lagMs) return kept;
    const limit = lowered(state.limit, sight.inFlight, load, bounds);
    return limit === state.limit ? kept : { ...kept, limit, changedAtMs: nowMs, overloads: 0 };
  }
  const isUsed = sight.inFlight >= state.limit;
  if (!isUsed || !hasRoom(load) || sinceChangeMs < raiseEveryMs || state.limit >= bounds.bound) return kept;
  return { ...kept, limit: state.limit + 1, changedAtMs: nowMs };
}

function isOverloaded({ waiting, kvCache }: BackendLoad, { maxWaiting }: LimitBounds): boolean {
  return waiting === null ? (kvCache ?? 0) >= fullCache : waiting > maxWaiting;
}

function hasRoom({ waiting, kvCache }: BackendLoad): boolean {
  return (waiting ?? 0) === 0 && (kvCache ?? 0) < fillingCache;
}

function lowered(limit: number, inFlight: number, { running }: BackendLoad, bounds: LimitBounds): number {
  // A limit that is not reached limits nothing.
  const had = Math.min(limit, inFlight);
  const least = Math.floor(had * leastKept);
  const wanted = running === null ? least : Math.max(least, Math.floor(running) + bounds.maxWaiting);
  return Math.max(1, Math.min(wanted, limit - 1, bounds.bound));
}
