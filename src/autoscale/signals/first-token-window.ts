import type { FirstTokenTotals, SignalMemory } from '../../core/signals.ts';

type Marks = SignalMemory['firstTokenMarks'];

/** What is older is out of the window. */
const windowMs = 60_000;

/** Between two marks. */
const stepMs = 30_000;

/** Fewer answers say nothing. */
const leastCount = 3;

/** The marks of the window after another reading, the oldest first; totals that went back begin anew. */
export function markedAfter(before: Marks, totals: FirstTokenTotals, nowMs: number): Marks {
  const kept = before.filter(({ atMs, count }) => nowMs - atMs <= windowMs && count <= totals.count);
  const last = kept.at(-1);
  if (last !== undefined && nowMs - last.atMs < stepMs) return kept;
  return [...kept, { count: totals.count, sumMs: totals.sumMs, atMs: nowMs }];
}

/** The mean time to the first token in the window, in milliseconds; null: too few answers came in it. */
export function meanFirstTokenMs([first]: Marks, totals: FirstTokenTotals): number | null {
  if (first === undefined) return null;
  const count = totals.count - first.count;
  return count < leastCount ? null : (totals.sumMs - first.sumMs) / count;
}
