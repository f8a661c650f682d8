import type { Clock } from './clock.ts';

/**
 * Milliseconds since the epoch (whole) that a wall clock which jumps does not move: the wall is read once, at the call, and the
 * monotonic clock is followed from there. While the machine is suspended it stands still where the monotonic clock does.
 */
export function steadyTime(clock: Clock): () => number {
  const originMs = clock.wallMs() - clock.nowMs();
  return () => Math.floor(originMs + clock.nowMs());
}
