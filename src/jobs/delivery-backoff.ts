const firstDelayMs = 5_000;
const longestDelayMs = 60 * 60_000;

/** What decides when a webhook is tried again. */
export interface RetryFacts {
  /** Tries so far, at least 1. */
  readonly attempts: number;
  /** What the receiver asked for; null: nothing. */
  readonly retryAfterMs: number | null;
  /** From 0 up to 1: spreads those that failed together. */
  readonly random: number;
  /** For how long it has been tried, and for how long it is. */
  readonly ageMs: number;
  readonly giveUpAfterMs: number;
}

/**
 * Milliseconds until a webhook that failed is tried again: 5 s, doubled each time up to an hour, a quarter more or less, and not
 * before its receiver wants it (an hour at most). The last try is when its time is over; null: that was it.
 */
export function retryDelayMs(facts: RetryFacts): number | null {
  const { attempts, retryAfterMs, random, ageMs, giveUpAfterMs } = facts;
  if (ageMs >= giveUpAfterMs) return null;
  const doubledMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempts - 1, 20));
  const spreadMs = doubledMs * (0.75 + random / 2);
  const wantedMs = Math.min(longestDelayMs, retryAfterMs ?? 0);
  return Math.ceil(Math.min(Math.max(spreadMs, wantedMs), giveUpAfterMs - ageMs));
}
