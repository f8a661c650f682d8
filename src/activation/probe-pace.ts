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

const closeMs = 25;
const closestMs = 5;
const sparseMs = 1_000;
/** For a fixed replica that is away while nobody asks for it. */
const lazyMs = 5_000;
/** Probes spent on the window in which the replica is expected to become ready. */
const windowProbes = 200;

/**
 * Milliseconds until the next probe: close together at first, sparser in proportion to the time spent, and close
 * together again around the learned ready time, where each millisecond is one that a waiter waits for nothing. Pure.
 */
export function nextProbeDelayMs({ elapsedMs, learned, isUrgent }: PaceInput): number {
  if (!isUrgent) return lazyMs;
  const proportional = (sinceMs: number, leastMs: number) =>
    Math.min(sparseMs, Math.max(leastMs, sinceMs / 10));
  if (learned === null) return proportional(elapsedMs / 2, closeMs);
  const marginMs = 30 + learned.medianMs / 50;
  const fromMs = Math.max(0, learned.earlyMs - marginMs);
  const toMs = learned.lateMs + marginMs;
  if (elapsedMs < fromMs)
    return Math.min(proportional(elapsedMs, closeMs), Math.max(closestMs, fromMs - elapsedMs));
  const windowPaceMs = Math.min(sparseMs / 4, Math.max(closestMs, (toMs - fromMs) / windowProbes));
  return elapsedMs <= toMs ? windowPaceMs : proportional(elapsedMs - toMs, windowPaceMs);
}
