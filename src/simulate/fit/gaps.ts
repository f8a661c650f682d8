import type { Trace } from '../trace.ts';

/** Milliseconds between the end of what ran and the next request, of each model of a trace, each list in rising order. */
export function gapsOf({ models, model, arrivalMs, execMs, count }: Trace): Float64Array[] {
  const gaps = models.map((): number[] => []);
  const busyUntilMs = new Float64Array(models.length).fill(Number.NaN);
  for (let at = 0; at < count; at++) {
    const index = model[at]!;
    const fromMs = busyUntilMs[index]!;
    const endMs = arrivalMs[at]! + execMs[at]!;
    if (arrivalMs[at]! > fromMs) gaps[index]!.push(arrivalMs[at]! - fromMs);
    busyUntilMs[index] = endMs > fromMs || Number.isNaN(fromMs) ? endMs : fromMs;
  }
  return gaps.map((list) => Float64Array.from(list).sort());
}

/** All of them in one list, in rising order. */
export function pooled(gaps: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(gaps.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of gaps) {
    all.set(list, at);
    at += list.length;
  }
  return all.sort();
}

/** The values at so many equal steps of the shares, the largest one last; fewer where there are fewer. */
export function quantilesOf(sorted: Float64Array, steps: number): number[] {
  const values = Array.from({ length: steps }, (_, step) => {
    const at = Math.ceil(((step + 1) / steps) * sorted.length) - 1;
    return sorted[Math.max(0, at)];
  });
  return [...new Set(values.filter((value) => value !== undefined))];
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
/** Below the first, multiples of the second. */
const grid = [
  [minute, 5 * second],
  [10 * minute, 30 * second],
  [hour, 2 * minute],
  [6 * hour, 10 * minute],
  [24 * hour, hour],
  [Number.POSITIVE_INFINITY, 6 * hour],
] as const;

/** The next duration, not below, that a person would write. */
export function roundedUp(ms: number): number {
  const [, step] = grid.find(([below]) => ms < below)!;
  return Math.max(step, Math.ceil(ms / step - 1e-9) * step);
}

/**
 * The idle time, out of `times`, with which a cold start that costs `priceMs` of idle time makes the least of idle time and
 * cold starts together, over these gaps. `times` and gaps in rising order; the first of equals. Pure.
 */
export function cheapestTime(sorted: Float64Array, times: readonly number[], priceMs: number): number {
  let best = times[0] ?? 0;
  let least = Number.POSITIVE_INFINITY;
  let within = 0;
  let withinMs = 0;
  for (const timeMs of times) {
    for (; within < sorted.length && sorted[within]! <= timeMs; within++) withinMs += sorted[within]!;
    const beyond = sorted.length - within;
    // Infinity: never to zero, which has nothing beyond it.
    const costMs = withinMs + (beyond === 0 ? 0 : beyond * (timeMs + priceMs));
    if (costMs < least) {
      least = costMs;
      best = timeMs;
    }
  }
  return best;
}
