/** Since `sinceMs` (`nowMs`) no more than `count` replicas were needed. */
export interface NeedSince {
  readonly count: number;
  readonly sinceMs: number;
}

/** Nothing is known, or all that there are were needed. */
export const noNeeds: readonly NeedSince[] = [];

/**
 * What was needed, with one more reading: `count` since `sinceMs`. Oldest first: the counts fall along it and the times
 * rise, since an earlier need that is not above a later one says nothing that the later one does not. Pure.
 */
export function withNeed(before: readonly NeedSince[], { count, sinceMs }: NeedSince): readonly NeedSince[] {
  const kept = before.findIndex((one) => one.count <= count);
  const same = kept === -1 ? undefined : before[kept];
  if (same?.count === count && kept === before.length - 1) return before;
  const higher = kept === -1 ? before : before.slice(0, kept);
  const beganMs = same?.sinceMs ?? Math.max(sinceMs, higher.at(-1)?.sinceMs ?? sinceMs);
  return [...higher, { count, sinceMs: beganMs }];
}

/** Only the needs that are below `count`: the others give nothing back. */
export function needsBelow(needs: readonly NeedSince[], count: number): readonly NeedSince[] {
  if (needs.length === 0 || needs[0]!.count < count) return needs;
  const below = needs.filter((one) => one.count < count);
  return below.length === 0 ? noNeeds : below;
}
