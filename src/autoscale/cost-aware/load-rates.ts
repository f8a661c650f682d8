import type { DemandTotals } from '../../core/scaling.ts';

/** What is known of the load: how many came lately, and how long those that ended held their slot. Immutable. */
export interface LoadRates {
  readonly atMs: number;
  readonly totals: DemandTotals;
  /** The time constant of `arrived`. */
  readonly memoryMs: number;
  /** Requests of the recent past, of which an e-th is forgotten per time constant. */
  readonly arrived: number;
  /** Requests that ended: forgotten by those that end after them and not with time, since a model may sleep for days. */
  readonly ended: number;
  /** Milliseconds for which those held their slots. */
  readonly endedMs: number;
  /** The same of those that run, as far as they have come. */
  readonly openMs: number;
}

/** When and what of a model is looked at. */
export interface RatesInput {
  readonly nowMs: number;
  readonly startMs: number;
  /** Requests that hold a slot now. */
  readonly inFlight: number;
}

const shortestMemoryMs = 60_000;
/** An e-th of what is known of service times is forgotten while so many requests end. */
const endsRemembered = 100;

/**
 * The rates after another reading of the totals. What matters for a start is what came in as long a time as it takes, but
 * in a minute at least. Of the time at work, those that ended get the same share per head as those that still run: without
 * it, the first of a burst to end would stand for the time of all that began with it. Totals that went back (another gate)
 * begin anew.
 */
export function nextRates(
  before: LoadRates | null,
  totals: DemandTotals,
  { nowMs, startMs, inFlight }: RatesInput,
): LoadRates {
  const memoryMs = Math.max(shortestMemoryMs, startMs);
  if (before === null || totals.arrived < before.totals.arrived || totals.ended < before.totals.ended)
    return { atMs: nowMs, totals, memoryMs, arrived: 0, ended: 0, endedMs: 0, openMs: 0 };
  const ended = totals.ended - before.totals.ended;
  const openMs = before.openMs + totals.inFlightMs - before.totals.inFlightMs;
  const closedMs = ended === 0 ? 0 : (openMs * ended) / (ended + inFlight);
  const keep = Math.exp(-ended / endsRemembered);
  return {
    atMs: nowMs,
    totals,
    memoryMs,
    arrived:
      before.arrived * Math.exp((before.atMs - nowMs) / memoryMs) + totals.arrived - before.totals.arrived,
    ended: before.ended * keep + ended,
    endedMs: before.endedMs * keep + closedMs,
    openMs: openMs - closedMs,
  };
}

/**
 * Milliseconds that a request holds its slot, on average; null until one has ended. Not less than the `inFlight` that hold
 * one now have held theirs for: they may be longer than those that ended.
 */
export function serviceMsOf({ ended, endedMs, openMs }: LoadRates, inFlight: number): number | null {
  if (ended < 0.5 || endedMs <= 0) return null;
  return Math.max(endedMs / ended, inFlight > 0 ? openMs / inFlight : 0);
}

/**
 * Requests per millisecond besides those that wait, over the whole time constant even where less was seen: a burst is no
 * lasting rate, and a queue that has to be drained is not to come once more.
 */
export function arrivalRateOf({ arrived, memoryMs }: LoadRates, waiting: number): number {
  return Math.max(0, arrived - waiting) / memoryMs;
}
