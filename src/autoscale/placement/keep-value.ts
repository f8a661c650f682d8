import type { Holding, TenantState } from './world.ts';

/** Of one that never started: long enough that others, of which it is known to be short, go first. */
const unknownStartMs = 60_000;
/** Room that is wanted now is wanted again in about that time. */
const horizonMs = 600_000;

/**
 * What is lost by making a replica go, in milliseconds: the start that the next request waits for, times the chance that it
 * comes while the room is wanted. That chance is `10 min / (10 min + time until the next request is expected)`; where no
 * return was learned, or the expected one has passed, it is expected after as long as it has been idle. One that is busy, or
 * starts, counts with its whole start. Pure.
 */
export function keepValueMs(tenant: TenantState, { inFlight, state }: Holding, nowMs: number): number {
  const startMs = tenant.startMs ?? unknownStartMs;
  if (inFlight > 0 || tenant.waiting > 0 || state === 'starting') return startMs;
  const { returnAtMs } = tenant;
  const idleMs = nowMs - (tenant.idleSinceMs ?? nowMs);
  const untilMs = returnAtMs !== null && returnAtMs > nowMs ? returnAtMs - nowMs : idleMs;
  return (startMs * horizonMs) / (horizonMs + untilMs);
}
