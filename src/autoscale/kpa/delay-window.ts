import { tickMs } from './kpa-spec.ts';

/** A count that was wanted at a tick (time divided by the tick's length). */
export interface DelayedCount {
  readonly tick: number;
  readonly count: number;
}

/**
 * The counts of the last `delayMs`, newest last, in falling order: one that is not above a later one decides nothing
 * any more and is left out, so that the first is the largest of all. Knative's max.TimeWindow: within one tick the
 * larger counts.
 */
export function delayedCounts(
  before: readonly DelayedCount[],
  { count, nowMs, delayMs }: { count: number; nowMs: number; delayMs: number },
): readonly DelayedCount[] {
  const tick = Math.floor(nowMs / tickMs);
  const kept = before.filter((one) => one.count > count && tick - one.tick < Math.ceil(delayMs / tickMs));
  return kept.at(-1)?.tick === tick ? kept : [...kept, { tick, count }];
}
