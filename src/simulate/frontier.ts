/** Two figures of which less is better. */
export interface Pair {
  readonly x: number;
  readonly y: number;
}

/** Those that no other beats: nothing has as little or less of both, and less of one. In order of x; of equals the first. */
export function frontierOf<Point extends Pair>(points: readonly Point[]): Point[] {
  const sorted = points.toSorted((a, b) => a.x - b.x || a.y - b.y);
  let least = Number.POSITIVE_INFINITY;
  return sorted.filter(({ y }) => {
    if (y >= least) return false;
    least = y;
    return true;
  });
}
