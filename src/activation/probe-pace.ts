import type { LearnedStart } from './start-history.ts';

/** What the pace of probes depends on. */
export interface PaceInput {
  /** Since the start (or the suspicion) began. */
  readonly elapsedMs: number;
  /** From past starts; null when nothing is known, or when it is no start. */
  readonly learned: LearnedStart | null;
  /** Whether somebody waits for it, or it was asked for. */
  readonly isUrgent: boolean;
}

const closeMs = 10;
const closestMs = 2;
const sparseMs = 1_000;
/** For a fixed replica that is away while nobody asks for it. */
const lazyMs = 5_000;
/** Probes spent on the window in which the replica is expected to become ready, at most. */
const windowProbes = 200;
/** Starts of the same length differ by this much: a little always, and a share of their time. */
const jitterMs = 10;
const jitterShare = 1 / 50;

/**
 * Milliseconds from the end of a probe to the next one, each of which is one that a waiter may wait for nothing. Pure.
 *
 * | | between two probes |
 * |---|---|
 * | nothing is learned | 10 ms, then 1/50 of the time since the start began |
 * | within the range of the learned starts | 2 ms, or more where 200 probes do not cover it |
 * | outside of it | 1/8 of the distance to it, at first no more than 1/10 of the time since the start began |
 *
 * so that a start which is earlier or later than was learned is seen late only in proportion to the surprise. Never
 * more than 1 s apart, but 5 s while nobody asks.
 */
export function nextProbeDelayMs({ elapsedMs, learned, isUrgent }: PaceInput): number {
  if (!isUrgent) return lazyMs;
  if (learned === null) return between(closeMs, elapsedMs / 50, sparseMs);
  const marginMs = jitterMs + learned.medianMs * jitterShare;
  const fromMs = Math.max(0, learned.earlyMs - marginMs);
  const toMs = learned.lateMs + marginMs;
  const denseMs = between(closestMs, (toMs - fromMs) / windowProbes, sparseMs / 4);
  if (elapsedMs > toMs) return between(denseMs, (elapsedMs - toMs) / 8, sparseMs);
  const approachMs = Math.min((fromMs - elapsedMs) / 8, Math.max(closeMs, elapsedMs / 10));
  return between(denseMs, approachMs, sparseMs);
}

function between(leastMs: number, ms: number, mostMs: number): number {
  return Math.min(mostMs, Math.max(leastMs, ms));
}
