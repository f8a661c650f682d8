import { describe, expect, it } from 'vitest';
import { errorTable } from '../../src/core/error-table.ts';
import { backOffMs, verdictOf } from '../../src/jobs/retry.ts';

const failure = { code: 'internal', message: '', status: null, retryAfterMs: null };

describe('what a failure means for a job', () => {
  it.each([
    ['backend_unreachable', 'unsent'],
    ['start_failed', 'unsent'],
    ['queue_full', 'unsent'],
    ['store_unavailable', 'again'],
    ['backend_reset', 'died'],
    ['backend_timeout', 'timed_out'],
    ['body_too_large', 'never'],
    ['model_not_found', 'never'],
  ])('%s: %s', (code, verdict) => {
    expect(Object.keys(errorTable)).toContain(code);
    expect(verdictOf({ code, status: null })).toBe(verdict);
  });

  it.each([
    [400, 'never'],
    [408, 'again'],
    [429, 'again'],
    [500, 'never'],
    [503, 'again'],
    [504, 'again'],
  ])('an answer of %i: %s', (status, verdict) => {
    expect(verdictOf({ code: 'backend_error', status })).toBe(verdict);
  });

  it('waits twice as long after each attempt, up to a minute, half of it by chance', () => {
    const spans = [1, 2, 3, 7, 100].map((attempts) => [0, 1].map((it) => backOffMs(attempts, failure, it)));
    expect(spans).toEqual([
      [500, 1_000],
      [1_000, 2_000],
      [2_000, 4_000],
      [30_000, 60_000],
      [30_000, 60_000],
    ]);
  });

  it('waits as long as it was told to, up to a minute', () => {
    expect(backOffMs(1, { ...failure, retryAfterMs: 7_000 }, 0.5)).toBe(7_000);
    expect(backOffMs(1, { ...failure, retryAfterMs: 3_600_000 }, 0.5)).toBe(60_000);
  });
});
