import { APIError } from 'openai';
import { Stream } from 'openai/streaming';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorTable } from '../../src/core/error-table.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import type { Dialect } from '../../src/core/protocol.ts';
import { anthropicDialect, openaiDialect, responsesDialect } from '../../src/protocols/dialects.ts';

const dialects: Dialect[] = [openaiDialect, responsesDialect, anthropicDialect];
const codes = Object.keys(errorTable) as ErrorCode[];
const nasty = 'a "quoted"\r\n\r\ndata: [DONE]\n\n\u2028 é';
const queueFull = new PilotlightError('queue_full', 'queue full: model "llama" has 100 of 100 waiting');

/** The events that the official SDK reads out of a stream. */
async function readBySdk(text: string): Promise<unknown[]> {
  const events: unknown[] = [];
  const stream = Stream.fromSSEResponse<unknown>(new Response(text), new AbortController());
  for await (const event of stream) events.push(event);
  return events;
}

describe('every dialect', () => {
  it.each(dialects)('$name writes a stream error as one event, whatever the message', (dialect) => {
    for (const code of codes) {
      const lines = dialect.renderStreamError(new PilotlightError(code, nasty)).split('\n');
      expect(lines.slice(-2)).toEqual(['', '']);
      const fields = lines.slice(0, -2);
      expect(fields.filter((line) => line.startsWith('data: '))).toHaveLength(1);
      expect(fields.filter((line) => !/^(data: \{[^\r\n]*\}|event: error)$/.test(line))).toEqual([]);
    }
  });

  it.each(dialects)('$name never leaks the cause', (dialect) => {
    const error = new PilotlightError('internal', 'internal error', { cause: new Error('secret') });
    expect(dialect.renderError(error) + dialect.renderStreamError(error)).not.toContain('secret');
  });

  it.each(dialects)('$name writes a heartbeat as one comment that names no event', (dialect) => {
    const state = { position: 3, phase: 'loading', detail: null, etaMs: 12_345 };
    expect(dialect.renderHeartbeat(state)).toBe(': pilotlight position=3 phase="loading" eta=12.3s\n\n');
    expect(dialect.renderHeartbeat({ ...state, etaMs: null })).toBe(
      ': pilotlight position=3 phase="loading"\n\n',
    );
    const evil = 'x\n\rdata: {}\r\n\r\n';
    const injected = dialect.renderHeartbeat({ ...state, phase: evil, detail: evil });
    expect(injected).toMatch(/^: [^\r\n]*\n\n$/);
    expect(dialect.renderHeartbeat({ ...state, etaMs: null, detail: 'no room' })).toBe(
      ': pilotlight position=3 phase="loading" detail="no room"\n\n',
    );
  });
});

describe('openaiDialect', () => {
  it('writes all four fields, param null where there is none', () => {
    expect(JSON.parse(openaiDialect.renderError(queueFull))).toEqual({
      error: { message: queueFull.message, type: 'rate_limit_error', param: null, code: 'queue_full' },
    });
    const missing = new PilotlightError('model_required', 'the request names no model');
    expect(JSON.parse(openaiDialect.renderError(missing))).toMatchObject({ error: { param: 'model' } });
  });

  it('writes stream errors that the official SDK raises, heartbeats before it dropped', async () => {
    const text =
      openaiDialect.renderHeartbeat({ position: 1, phase: 'loading', detail: null, etaMs: null }) +
      openaiDialect.renderStreamError(queueFull);
    await expect(readBySdk(text)).rejects.toThrow(
      expect.objectContaining({ code: 'queue_full', message: queueFull.message }),
    );
    expect(text).not.toContain('[DONE]');
  });
});

describe('responsesDialect', () => {
  it('writes error answers as OpenAI does', () => {
    expect(responsesDialect.renderError(queueFull)).toBe(openaiDialect.renderError(queueFull));
  });

  it('writes the error event of the Responses API, which the official SDK raises', async () => {
    const text = responsesDialect.renderStreamError(queueFull);
    const [event = '', data = ''] = text.split('\n');
    expect(event).toBe('event: error');
    expect(JSON.parse(data.slice('data: '.length))).toEqual({
      type: 'error',
      code: 'queue_full',
      message: queueFull.message,
      param: null,
      sequence_number: 0,
    });
    await expect(readBySdk(text)).rejects.toBeInstanceOf(APIError);
  });
});

describe('anthropicDialect', () => {
  it.each<[ErrorCode, string]>([
    ['model_required', 'invalid_request_error'],
    ['invalid_api_key', 'authentication_error'],
    ['forbidden_host', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['method_not_allowed', 'invalid_request_error'],
    ['body_too_large', 'request_too_large'],
    ['queue_full', 'rate_limit_error'],
    ['internal', 'api_error'],
    ['backend_reset', 'api_error'],
    ['queue_timeout', 'overloaded_error'],
    ['backend_timeout', 'timeout_error'],
  ])('writes %s as %s', (code, type) => {
    const rendered = anthropicDialect.renderError(new PilotlightError(code, 'what happened'));
    expect(JSON.parse(rendered)).toEqual({ type: 'error', error: { type, message: 'what happened' } });
  });

  it('writes stream errors as an error event', () => {
    const [event = '', data = ''] = anthropicDialect.renderStreamError(queueFull).split('\n');
    expect(event).toBe('event: error');
    expect(data).toBe(`data: ${anthropicDialect.renderError(queueFull)}`);
  });
});
