import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/core/error-table.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import { errorEvent, openaiRefusals, textRefusals } from '../../src/sidecar/model/refusals.ts';
import { headOf } from './fake-request.ts';

const error = (code: ErrorCode, retryAfterMs?: number) =>
  new PilotlightError(code, `it is ${code}`, retryAfterMs === undefined ? {} : { retryAfterMs });

function fieldsOf(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1]!]] : [])),
  );
}

describe('a refusal in text', () => {
  it.each([
    ['queue_full', 503, 'pending request queue full\n'],
    ['queue_timeout', 503, 'context deadline exceeded\n'],
    ['backend_timeout', 504, 'request timeout'],
    ['draining', 503, 'shutting down\n'],
  ] as const)('of %s is what Knative says', (code, status, body) => {
    expect(textRefusals.answer(error(code), headOf())).toEqual({
      status,
      fields: [
        ...['content-type', 'text/plain; charset=utf-8'],
        ...(code === 'backend_timeout' ? [] : ['x-content-type-options', 'nosniff']),
      ],
      body,
    });
  });

  it('has the message where Knative has no words', () => {
    expect(textRefusals.answer(error('backend_reset'), headOf())).toMatchObject({
      status: 502,
      body: 'it is backend_reset\n',
    });
  });
});

describe('a refusal for clients of OpenAI', () => {
  it('is their JSON, with when to try again', () => {
    const { status, fields, body } = openaiRefusals.answer(error('queue_full', 2500), headOf());
    expect(status).toBe(429);
    expect(fieldsOf(fields)).toEqual({
      'content-type': 'application/json',
      'retry-after': '3',
      'retry-after-ms': '2500',
      'x-should-retry': 'true',
    });
    expect(JSON.parse(body.toString())).toEqual({
      error: { message: 'it is queue_full', type: 'rate_limit_error', param: null, code: 'queue_full' },
    });
  });

  it('has no time where trying again would not help', () => {
    const { status, fields } = openaiRefusals.answer(error('backend_timeout'), headOf());
    expect(status).toBe(504);
    expect(fieldsOf(fields)).toEqual({ 'content-type': 'application/json', 'x-should-retry': 'false' });
  });

  it('is in the dialect of the route, also below a prefix', () => {
    const { body } = openaiRefusals.answer(
      error('queue_full'),
      headOf({ target: '/anthropic/v1/messages?beta=true' }),
    );
    expect(JSON.parse(body.toString())).toEqual({
      type: 'error',
      error: { type: 'rate_limit_error', message: 'it is queue_full' },
    });
  });

  it('is text for a client of gRPC', () => {
    const head = headOf({ version: '2', fields: ['content-type', 'application/grpc+proto'] });
    expect(openaiRefusals.answer(error('queue_full'), head)).toEqual(
      textRefusals.answer(error('queue_full'), head),
    );
  });
});

describe('the event by which a stream breaks off', () => {
  const data =
    '{"error":{"message":"it is backend_reset","type":"server_error","param":null,"code":"backend_reset"}}';

  it.each([
    ['/v1/chat/completions', `data: ${data}\n\n`],
    ['/openai/v1/completions?x=/v1/messages', `data: ${data}\n\n`],
    [
      '/v1/responses',
      'event: error\ndata: {"type":"error","code":"backend_reset","message":"it is backend_reset","param":null,"sequence_number":0}\n\n',
    ],
    [
      '/v1/messages',
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"it is backend_reset"}}\n\n',
    ],
    ['/events', `event: error\ndata: ${data}\n\n`],
    ['/v1/chat/completions/more', `event: error\ndata: ${data}\n\n`],
  ])('on %s is one that its clients know', (target, event) => {
    expect(errorEvent(error('backend_reset'), headOf({ target }))).toBe(event);
  });
});
