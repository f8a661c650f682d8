import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson } from '../support/backend.ts';
import { chat } from '../support/gateway.ts';
import { ask, fixedModel, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const beats = 'heartbeat: { json: 20ms, stream: 20ms }';

/** A request that has got two spaces; its backend, which answers with `answer`, has become ready since. */
async function afterSpaces(answer: Answer) {
  const backend = await world.backend(answer);
  backend.isReady = false;
  const gateway = await world.gateway(fixedModel([backend.url], beats));
  const exchange = ask(gateway);
  await exchange.until(/^ {2}/);
  backend.isReady = true;
  return { exchange, backend };
}

describe('a request for JSON that waits', () => {
  it('gets spaces that its JSON may begin with, and parses as a whole', async () => {
    const { exchange, backend } = await afterSpaces(answerJson);
    const { status, headers, end, text } = await exchange.whole();
    expect([status, headers['content-type'], end]).toEqual([200, 'application/json', 'whole']);
    expect(text).toMatch(/^ {2,}\{"ok":true\}$/);
    expect(JSON.parse(text)).toEqual({ ok: true });
    expect(backend.seen[0]!.headers['accept-encoding']).toBe('identity');
  });

  it.each([
    ['an error status', 'backend_bad_response', (res) => res.writeHead(500).end('{"error":"no"}')],
    ['a reset', 'backend_reset', (_res, req) => req.socket.resetAndDestroy()],
    [
      'bytes that are no JSON',
      'backend_bad_response',
      (res) => res.writeHead(200, { 'content-type': 'audio/mpeg' }).end('ID3'),
    ],
  ] as const satisfies (readonly [string, string, Answer])[])(
    'is told %s after the first space as an error in JSON, and is cut',
    async (_, code, answer) => {
      const { exchange, backend } = await afterSpaces(answer);
      expect(await exchange.end).toBe('cut');
      expect(exchange.text).toMatch(/^ {2,}\{/);
      expect(JSON.parse(exchange.text)).toMatchObject({ error: { code, type: 'server_error', param: null } });
      expect(backend.seen).toHaveLength(1);
    },
  );

  it('is told a deadline that passed after the first space in the same way', async () => {
    const backend = await world.backend(answerJson);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], `${beats}\n    queue: { timeout: 150ms }`));
    const exchange = ask(gateway);
    expect(await exchange.end).toBe('cut');
    expect((await exchange.head).statusCode).toBe(200);
    expect(JSON.parse(exchange.text)).toMatchObject({ error: { code: 'queue_timeout' } });
    expect(backend.seen).toHaveLength(0);
  });

  it('is cut without a word once bytes of the answer have passed', async () => {
    const { exchange } = await afterSpaces((res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      res.write('{"half":', () => setImmediate(() => res.destroy()));
    });
    expect(await exchange.end).toBe('cut');
    expect(exchange.text.trimStart()).toBe('{"half":');
  });

  it('is told the reason of a backend that refuses it after all', async () => {
    const { exchange } = await afterSpaces((res) => {
      res.writeHead(400, { 'content-type': 'application/json' });
      res.end('{"error":{"message":"this model has a context of 2048 tokens"}}');
    });
    const { end, text } = await exchange.whole();
    expect(end).toBe('cut');
    expect(text).toMatch(/backend answered 400 .*: this model has a context of 2048 tokens/);
  });

  it('gets no space where the answer may be audio', async () => {
    const backend = await world.backend((res) =>
      res.writeHead(200, { 'content-type': 'audio/mpeg' }).end('ID3'),
    );
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], 'heartbeat: { json: 20ms }'));
    const answer = fetch(`${gateway.url}/v1/audio/speech`, {
      ...chat('m'),
      signal: AbortSignal.timeout(20_000),
    });
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    // Longer than several heartbeats, each of which would have begun the answer.
    await delay(100);
    backend.isReady = true;
    const response = await answer;
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['audio/mpeg', 'ID3']);
  });

  it('gets nothing before its answer by default', async () => {
    const backend = await world.backend((res) => res.writeHead(201).end('{}'));
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], 'heartbeat: { stream: 20ms }'));
    const exchange = ask(gateway);
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    backend.isReady = true;
    expect(await exchange.whole()).toMatchObject({ status: 201, text: '{}' });
  });
});

/** A request by HTTP/1.0 on a bare socket: what came, and whether the connection ended with a FIN or a reset. */
async function askOld(gateway: { url: string }, more: object) {
  const { hostname, port } = new URL(gateway.url);
  const body = JSON.stringify({ model: 'm', messages: [], ...more });
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  const ended = new Promise<'fin' | 'reset'>((resolve) => {
    socket.once('end', () => resolve('fin'));
    socket.once('error', () => resolve('reset'));
  });
  socket.write(`POST /v1/chat/completions HTTP/1.0\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  return { text: () => text, ended };
}

describe('a client of HTTP/1.0 that waits', () => {
  it('gets comments and the stream unframed, and the end of the connection as its end', async () => {
    const backend = await world.backend((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: 1\n\n', () => res.end('data: [DONE]\n\n'));
    });
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], beats));
    const { text, ended } = await askOld(gateway, { stream: true });
    await expect.poll(text).toMatch(/position=1.*\n\n: pilotlight position=1/);
    backend.isReady = true;
    expect(await ended).toBe('fin');
    const [head = '', ...rest] = text().split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).not.toMatch(/transfer-encoding|content-length|keep-alive/i);
    expect(rest.join('')).toMatch(
      /^(: pilotlight position=1 [^\n]*\n\n)+: pilotlight queue;dur=[^\n]*\n\ndata: 1\n\ndata: \[DONE\]\n\n$/,
    );
  });

  it('sees a reset where an answer was cut, since a plain close would make it look whole', async () => {
    const backend = await world.backend((_res, req) => req.socket.resetAndDestroy());
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], beats));
    const { text, ended } = await askOld(gateway, { stream: true });
    await expect.poll(text).toMatch(/position=1/);
    backend.isReady = true;
    expect(await ended).toBe('reset');
    expect(text()).toMatch(/"code":"backend_reset"\}\}\n\n$/);
  });
});
