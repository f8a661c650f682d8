import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorTable } from '../../../src/core/error-table.ts';
import { PilotlightError } from '../../../src/core/errors.ts';
import { grpcStatus } from '../../../src/core/grpc-status.ts';
import { grpcErrorFields } from '../../../src/protocols/grpc/refusal.ts';
import { grpcTimeout, grpcTimeoutMs } from '../../../src/protocols/grpc/timeout.ts';

function fieldsOf(error: PilotlightError): Record<string, string> {
  const flat = grpcErrorFields(error);
  return Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]!]] : [])));
}

describe('an error for a client of gRPC', () => {
  it('says when to retry where that may help', () => {
    expect(fieldsOf(new PilotlightError('queue_full', 'full', { retryAfterMs: 2500 }))).toEqual({
      'grpc-status': '8',
      'grpc-message': 'full',
      'x-pilotlight-code': 'queue_full',
      'grpc-retry-pushback-ms': '2500',
    });
  });

  it('says that no retry is wanted where it would meet the same, or might do the work twice', () => {
    for (const code of ['start_failed', 'backend_reset', 'queue_timeout'] as const)
      expect(fieldsOf(new PilotlightError(code, 'x'))['grpc-retry-pushback-ms']).toBe('-1');
    expect(fieldsOf(new PilotlightError('model_not_found', 'x'))['grpc-retry-pushback-ms']).toBe(undefined);
  });

  it('has its message percent-encoded', () => {
    const { 'grpc-message': message } = fieldsOf(new PilotlightError('internal', 'ü 100%\n'));
    expect(message).toBe('%C3%BC 100%25%0A');
    expect(decodeURIComponent(message!)).toBe('ü 100%\n');
  });

  it('has a message of bounded length that still decodes', () => {
    const { 'grpc-message': message } = fieldsOf(new PilotlightError('internal', 'ü'.repeat(5000)));
    expect(message!.length).toBeLessThanOrEqual(2048);
    expect(decodeURIComponent(message!)).toMatch(/^ü+$/);
  });

  it.each(Object.keys(errorTable) as ErrorCode[])('%s never looks like success', (code) => {
    expect(grpcStatus[code].number).toBeGreaterThan(0);
  });
});

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['250m', 250],
    ['1500u', 1.5],
    ['99999999n', 99.999999],
    ['0m', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(grpcTimeoutMs(text)).toBeCloseTo(ms, 6);
  });

  it.each(['', '5', 'm', '1s', '123456789m', '-1S', '1.5S'])('%s is none', (text) => {
    expect(grpcTimeoutMs(text)).toBe(null);
  });

  it('is written with at most eight digits, and never as 0', () => {
    expect(grpcTimeout(1500.7)).toBe('1500m');
    expect(grpcTimeout(-3)).toBe('1m');
    expect(grpcTimeoutMs(grpcTimeout(99_999_999_999))).toBe(99_999_999_000);
  });
});
