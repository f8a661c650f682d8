import type { DemandTotals } from '../../core/scaling.ts';

/** Sums of the recent past, each of which an e-th is forgotten per time constant. Immutable. */
export interface LoadRates {
  readonly atMs: number;
  readonly totals: DemandTotals;
  /** The time constant. */
  readonly memoryMs: number;
  readonly arrived: number;
  readonly ended: number;
  readonly inFlightMs: number;
}

const shortestMemoryMs = 60_000;

/**
 * The rates after another reading of the totals. What matters for a start is what came in as long a time as it takes, but
 * in a minute at least. Totals that went back (another gate) begin anew.
 */
export function nextRates(
  before: LoadRates | null,
  totals: DemandTotals,
  { nowMs, startMs }: { readonly nowMs: number; readonly startMs: number },
): LoadRates {
  const memoryMs = Math.max(shortestMemoryMs, startMs);
  if (before === null || totals.arrived < before.totals.arrived || totals.ended < before.totals.ended)
    return { atMs: nowMs, totals, memoryMs, arrived: 0, ended: 0, inFlightMs: 0 };
  const keep = Math.exp((before.atMs - nowMs) / memoryMs);
  return {
    atMs: nowMs,
    totals,
    memoryMs,
    arrived: before.arrived * keep + totals.arrived - before.totals.arrived,
    ended: before.ended * keep + totals.ended - before.totals.ended,
    inFlightMs: before.inFlightMs * keep + totals.inFlightMs - before.totals.inFlightMs,
  };
}

/** Milliseconds that a request holds its slot, on average; null until one has ended. */
export function serviceMsOf({ ended, inFlightMs }: LoadRates): number | null {
  return ended < 0.5 || inFlightMs <= 0 ? null : inFlightMs / ended;
}

/** Requests per millisecond, over the whole time constant even where less was seen: a burst is no lasting rate. */
export function arrivalRateOf({ arrived, memoryMs }: LoadRates): number {
  return arrived / memoryMs;
}
