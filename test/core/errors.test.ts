import { describe, expect, it } from 'vitest';
import type { ErrorSpec } from '../../src/core/error-spec.ts';
import { type ErrorCode, errorTable } from '../../src/core/error-table.ts';
import { PilotlightError, toPilotlightError } from '../../src/core/errors.ts';

const rows = Object.entries(errorTable) as [ErrorCode, ErrorSpec][];

describe('the table of errors', () => {
  it.each(rows)(
    '%s says when to retry exactly where it is a 429 or a 503',
    (_code, { status, retryAfter }) => {
      expect(retryAfter ?? false).toBe(status === 429 || status === 503);
    },
  );

  it.each(rows)('%s tells the SDKs whether to retry where they would by themselves', (_code, spec) => {
    // They retry 408, 409, 429 and 5xx. 408: the client was too slow; 500: a bug, which nobody foresaw.
    const isRetried = spec.status === 409 || spec.status === 429 || spec.status > 500;
    expect(spec.shouldRetry !== undefined).toBe(isRetried);
  });

  it('never asks for a second try of what a backend may have worked on', () => {
    for (const code of ['backend_reset', 'backend_timeout', 'backend_bad_response'] as const)
      expect(errorTable[code].shouldRetry).toBe(false);
  });
});

describe('an error', () => {
  it.each([
    [undefined, 1_000],
    [0, 1_000],
    [1_500, 1_500],
    [3_600_000, 60_000],
  ])('that can be retried after %s ms says %s: between 1 s and 60 s', (retryAfterMs, told) => {
    const details = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(new PilotlightError('queue_full', 'full', details).retryAfterMs).toBe(told);
  });

  it('has the param of its row unless it names another', () => {
    expect(new PilotlightError('model_required', 'none').param).toBe('model');
    expect(new PilotlightError('bad_request', 'two', { param: 'model' }).param).toBe('model');
    expect(new PilotlightError('queue_full', 'full').param).toBeNull();
  });

  it('that nobody foresaw is internal, and keeps its cause', () => {
    const cause = new TypeError('x is not a function');
    const error = toPilotlightError(cause);
    expect([error.code, error.cause]).toEqual(['internal', cause]);
    expect(error.message).not.toContain('function');
    expect(toPilotlightError(error)).toBe(error);
  });
});
