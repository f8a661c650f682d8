/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The y of a curve at x, linear between the points next to it. Throws a RangeError where x lies outside of the curve. */
export function interpolate(points: readonly Point[], x: number): number {
  const sorted = points.toSorted((a, b) => a.x - b.x);
  const above = sorted.findIndex((point) => point.x >= x);
  const high = sorted[above];
  if (high?.x === x) return high.y;
  const low = sorted[above - 1];
  if (high === undefined || low === undefined) throw new RangeError(`the curve does not reach ${x}`);
  return low.y + ((high.y - low.y) * (x - low.x)) / (high.x - low.x);
}

/** What is looked for. */
export interface Search {
  /** Whole numbers, 1 or more: the value is not above the target at `from`, and not below it at `to`. */
  readonly from: number;
  readonly to: number;
  readonly target: number;
  /** Ends when the two ends are no further apart than this share of the lower one. */
  readonly tolerance: number;
  /** Rises with what it is given. */
  valueAt(at: number): Promise<number>;
}

/** The whole number at which a rising value is nearest to the target, found by halving ratios. Throws a RangeError where the ends do not enclose it. */
export async function bisect({ from, to, target, tolerance, valueAt }: Search): Promise<number> {
  let low = { at: from, value: await valueAt(from) };
  let high = { at: to, value: await valueAt(to) };
  if (low.value > target || high.value < target)
    throw new RangeError(`${target} is not between ${low.value} and ${high.value}`);
  while (high.at - low.at > Math.max(1, low.at * tolerance)) {
    const at = Math.min(high.at - 1, Math.max(low.at + 1, Math.round(Math.sqrt(low.at * high.at))));
    const middle = { at, value: await valueAt(at) };
    if (middle.value < target) low = middle;
    else high = middle;
  }
  return target - low.value < high.value - target ? low.at : high.at;
}
