import type { DemandTotals } from '../../core/scaling.ts';
import type { FirstTokenTotals, SignalMemory } from '../../core/signals.ts';

/** A mark is taken every `stepMs`, and forgotten when it is older than `lengthMs`. */
interface Window {
  readonly lengthMs: number;
  readonly stepMs: number;
}

/** Of the time to the first token. */
const tokenWindow: Window = { lengthMs: 60_000, stepMs: 30_000 };
/** Fewer answers say nothing. */
const leastCount = 3;

/** Of the requests that wait; a shorter one says nothing, since a burst is gone by then. */
export const waitingWindow: Window & { readonly leastMs: number } = {
  lengthMs: 20_000,
  stepMs: 5_000,
  leastMs: 15_000,
};

/** The marks of a window after another one, the oldest first. */
function withMark<Mark extends { readonly atMs: number }>(
  before: readonly Mark[],
  mark: Mark,
  { lengthMs, stepMs }: Window,
): readonly Mark[] {
  const kept = before.filter(({ atMs }) => mark.atMs - atMs <= lengthMs);
  const last = kept.at(-1);
  return last !== undefined && mark.atMs - last.atMs < stepMs ? kept : [...kept, mark];
}

type TokenMarks = SignalMemory['firstTokenMarks'];

/** The marks after another reading; totals that went back begin anew. */
export function tokenMarksAfter(before: TokenMarks, totals: FirstTokenTotals, nowMs: number): TokenMarks {
  const { count, sumMs } = totals;
  return withMark(
    before.filter((mark) => mark.count <= count),
    { count, sumMs, atMs: nowMs },
    tokenWindow,
  );
}

/** The mean time to the first token in the window, in milliseconds; null: too few answers came in it. */
export function meanFirstTokenMs([first]: TokenMarks, totals: FirstTokenTotals): number | null {
  if (first === undefined) return null;
  const count = totals.count - first.count;
  return count < leastCount ? null : (totals.sumMs - first.sumMs) / count;
}

type WaitingMarks = SignalMemory['waitingMarks'];

/** The marks after another reading; totals that went back begin anew. */
export function waitingMarksAfter(
  before: WaitingMarks,
  { waitingMs }: DemandTotals,
  nowMs: number,
): WaitingMarks {
  return withMark(
    before.filter((mark) => mark.waitingMs <= waitingMs),
    { waitingMs, atMs: nowMs },
    waitingWindow,
  );
}

/** How many waited on average over the window; null: it is not long enough yet. */
export function meanWaiting(
  [first]: WaitingMarks,
  { waitingMs }: DemandTotals,
  nowMs: number,
): number | null {
  if (first === undefined || nowMs - first.atMs < waitingWindow.leastMs) return null;
  return (waitingMs - first.waitingMs) / (nowMs - first.atMs);
}
