import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { PilotlightError } from '../../src/core/errors.ts';
import { AnswerWriter } from '../../src/forward/answer-writer.ts';
import { type AnswerHead, answerHead, type ParsedFields } from '../../src/forward/headers.ts';
import { openaiDialect } from '../../src/protocols/dialects.ts';
import { type RawAnswer, RawClient, rawRequest } from '../support/raw-client.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

type Act = (writer: AnswerWriter, res: ServerResponse) => void | Promise<void>;

/** What a client gets when `act` is done with the writer of its answer; a failure of `act` fails the test. */
async function answerTo(act: Act, request = rawRequest('/', 'x'), method = 'POST'): Promise<RawAnswer> {
  const { client, acted } = await open(act, request, method);
  const answer = await client.answer();
  await acted;
  return answer;
}

async function open(act: Act, request = rawRequest('/', 'x'), method = 'POST') {
  const { promise: acted, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    req.resume();
    const context = { req, res, dialect: openaiDialect, requestId: 'the-id', extraHeaders: ['x-extra', '1'] };
    const writer = new AnswerWriter(context, {
      appendTo: (fields) => fields.push('server-timing', 'queue;dur=1'),
    });
    Promise.resolve(act(writer, res)).then(resolve, reject);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new RawClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, method);
  closers.push(
    () => server.close(),
    () => server.closeAllConnections(),
    () => client.destroy(),
  );
  client.write(request);
  return { client, acted };
}

const headOf = (fields: ParsedFields, status = 200): AnswerHead => answerHead(status, 'OK', fields);
const ofLength = (bytes: number) => headOf({ 'content-length': String(bytes) });
const stream = headOf({ 'content-type': 'text/event-stream' });
const lost = new PilotlightError('backend_reset', 'backend closed the connection');
const waiting = { position: 1, phase: 'loading', detail: null, etaMs: 1_000 };
const encode = (text: string) => Buffer.from(text);

describe('an answer of known length', () => {
  it('carries the id, the timings and the extra fields, and ends with its last byte', async () => {
    const answer = await answerTo((writer) => {
      writer.head(ofLength(5));
      writer.data(encode('he'));
      writer.data(encode('llo'));
      expect(writer.bytes).toBe(5);
    });
    expect([answer.status, answer.body, answer.isWhole]).toEqual([200, 'hello', true]);
    expect(answer.fields.get('x-request-id')).toBe('the-id');
    expect(answer.fields.get('server-timing')).toBe('queue;dur=1');
    expect(answer.fields.get('x-extra')).toBe('1');
  });

  it('keeps every byte as it came, in one piece or in a large one', async () => {
    const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, n) => n & 0x7f));
    for (const size of [256, 40_000]) {
      const answer = await answerTo((writer) => {
        writer.head(ofLength(size));
        writer.data(bytes.subarray(0, size));
      });
      expect(answer.body === bytes.toString('latin1', 0, size)).toBe(true);
    }
  });

  it('that breaks off before its first byte becomes a whole error answer', async () => {
    const answer = await answerTo((writer) => {
      writer.head(ofLength(5));
      writer.cut(lost);
    });
    expect([answer.status, answer.code, answer.isWhole]).toEqual([502, 'backend_reset', true]);
  });

  it('that breaks off behind its first byte is cut', async () => {
    const { client } = await open(async (writer) => {
      writer.head(ofLength(5));
      writer.data(encode('he'));
      await client.until(/he$/);
      writer.cut(lost);
    });
    await client.closed();
    expect(await client.answer()).toMatchObject({ status: 200, body: 'he', isWhole: false });
  });

  it('to HEAD is its head alone', async () => {
    const act: Act = (writer) => {
      writer.head(ofLength(5));
      writer.end({});
    };
    const answer = await answerTo(act, rawRequest('/', null, '', 'HEAD'), 'HEAD');
    expect([answer.fields.get('content-length'), answer.body]).toEqual(['5', '']);
  });
});

describe('an answer of unknown length', () => {
  it('begins with its head, and ends with its trailers', async () => {
    const { client } = await open(async (writer) => {
      writer.head(headOf({}));
      await client.until(/\r\n\r\n/);
      writer.data(encode('body'));
      writer.end({ 'x-sum': '7', 'content-length': '9' });
    });
    const answer = await client.answer();
    expect([answer.body, answer.trailers]).toEqual(['body', ['x-sum: 7']]);
  });

  it.each([
    ['data: 1\n\n', true],
    ['data: 1\r\n\r\n', true],
    ['data: 1\n', false],
    ['data: 1', false],
  ])('that breaks off after %j is told so in an event: %s', async (text, isTold) => {
    const { client } = await open(async (writer) => {
      writer.head(stream);
      writer.data(encode(text));
      await client.until(/data: 1/);
      writer.cut(lost);
    });
    await client.closed();
    const answer = await client.answer();
    expect([answer.isWhole, answer.code]).toEqual([false, isTold ? 'backend_reset' : null]);
  });

  it.each([
    ['9\r\ndata: 1\n\n\r\n', true],
    ['b\r\ndata: 1\r\n\r\n\r\n', true],
    ['9\r\ndata: 1\n\n\r\n1\r\n:\r\n', false],
    ['7\r\ndata: 1\r\n1\r\n\n\r\n', false],
    ['7\r\ndata: 1\r\n2\r\n\r\n\r\n', false],
    ['ff\r\ndata: 1\n\nda', false],
  ])('that is relayed as %j and breaks off is told so in an event: %s', async (chunks, isTold) => {
    const { client } = await open(async (writer) => {
      writer.head(stream);
      expect(writer.canRelay).toBe(true);
      writer.relay(encode(`${chunks}never sent`), chunks.length);
      await client.until(/data: 1/);
      writer.cut(lost);
    });
    await client.closed();
    expect(client.text.includes('backend_reset')).toBe(isTold);
    expect(client.text).not.toContain('never sent');
    expect(client.text).not.toContain('\r\n0\r\n');
  });
});

describe('an answer begun by a heartbeat', () => {
  it('goes on with the stream of the backend, its timings in a comment', async () => {
    const answer = await answerTo((writer) => {
      writer.heartbeat('sse', waiting);
      expect(writer.hasHead).toBe(true);
      writer.head(stream);
      writer.data(encode('data: 1\n\n'));
      writer.end({});
    });
    expect(answer.body).toMatch(/^: .*\n\n: pilotlight queue;dur=1\n\ndata: 1\n\n$/);
    expect(answer.fields.has('server-timing')).toBe(false);
  });

  it.each([
    ['a status that is none of success', headOf({}, 400)],
    ['an encoding', headOf({ 'content-encoding': 'gzip' })],
  ])('ends in an error event where the backend answers with %s', async (_what, head) => {
    const { client } = await open((writer) => {
      writer.heartbeat('sse', waiting);
      writer.head(head);
      writer.end({});
      expect(writer.cutError).not.toBeNull();
    });
    await client.closed();
    const answer = await client.answer();
    expect([answer.isWhole, answer.code]).toEqual([false, 'backend_bad_response']);
  });

  it.each([
    ['{"error":{"message":"the context is too long"}}', 'the context is too long'],
    ['{"error":"no such adapter"}', 'no such adapter'],
    ['{"detail":"not today"}', 'not today'],
    ['plain words', 'plain words'],
    ['x'.repeat(10_000), `${'x'.repeat(500)}"`],
  ])('tells the reason that the backend gave: %s', async (body, reason) => {
    const head = headOf({ 'content-type': 'application/json' }, 400);
    const { client } = await open((writer) => {
      writer.heartbeat('sse', waiting);
      writer.head(head);
      expect(writer.data(Buffer.from(body))).toBe(true);
      if (writer.cutError === null) writer.end({});
    });
    await client.closed();
    expect((await client.answer()).body).toContain(reason);
  });

  it('of JSON ends in the error of the dialect behind its white space, and is cut', async () => {
    const { client } = await open((writer) => {
      writer.heartbeat('json', waiting);
      writer.heartbeat('json', waiting);
      writer.fail(lost);
    });
    await client.closed();
    const answer = await client.answer();
    expect([answer.status, answer.isWhole]).toEqual([200, false]);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'backend_reset' } });
  });
});
