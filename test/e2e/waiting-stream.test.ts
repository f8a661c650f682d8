import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer } from '../support/backend.ts';
import { Exchange } from '../support/exchange.ts';
import { ask, fixedModel, operate, processModel, untilState, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const events = 'data: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n';
const answerEvents: Answer = (res) => {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'x-own': 'yes' }).end(events);
};
const beats = 'heartbeat: { stream: 20ms }';

describe('a stream request that waits', () => {
  it('is told its position and the phase of the start, again and again', async () => {
    const backend = await world.backend(answerEvents);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], beats));
    const first = ask(gateway, { stream: true });
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    const second = ask(gateway, { stream: true });
    await first.until(/(: pilotlight position=1 phase="loading"\n\n){3}/);
    await second.until(/(: pilotlight position=2 phase="loading"\n\n){3}/);
    const { statusCode, headers } = await first.head;
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/event-stream\b/);
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['x-request-id']).toMatch(/^[\w-]{36}$/);
    first.abort();
    await second.until(/position=1 /);
    backend.isReady = true;
    expect(await second.end).toBe('whole');
  });

  it('is told so when it waits for a slot and not for a start', async () => {
    const backend = await world.backend((res, req, body) => {
      if (body.includes('"isHeld":true')) held.resolve(res);
      else answerEvents(res, req, body);
    });
    const held = Promise.withResolvers<ServerResponse>();
    const gateway = await world.gateway(fixedModel([backend.url], `${beats}\n    concurrency: 1`));
    const busy = ask(gateway, { isHeld: true });
    const slot = await held.promise;
    const waiter = ask(gateway, { stream: true });
    await waiter.until(/^(: pilotlight position=1 phase="waiting"\n\n){2}/);
    slot.end('{}');
    expect(await waiter.end).toBe('whole');
    expect(waiter.text).toMatch(/: pilotlight queue;dur=[1-9]\d*\.\d, cold;dur=0\.0, /);
    expect(await busy.end).toBe('whole');
  });

  it('gets no comment before the first heartbeat is due, and none once it is served', async () => {
    const backend = await world.backend(answerEvents);
    const gateway = await world.gateway(fixedModel([backend.url], 'heartbeat: { stream: 10s }'));
    const { text, headers } = await ask(gateway, { stream: true }).whole();
    expect(text).toBe(events);
    expect(headers['server-timing']).toMatch(/^queue;dur=/);
  });

  it('is told where the time went before the first token, and then gets the stream as it is', async () => {
    const backend = await world.backend(answerEvents);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], beats));
    const exchange = ask(gateway, { stream: true }, { 'accept-encoding': 'gzip, br' });
    await exchange.until(/position=1/);
    backend.isReady = true;
    const { end, text } = await exchange.whole();
    expect(end).toBe('whole');
    const [comments, timings, rest] = text.split(/(: pilotlight queue;dur=[^\n]*\n\n)/);
    expect(comments).toMatch(/^(: pilotlight position=1 phase="\w+"\n\n)+$/);
    expect(timings).toMatch(
      /queue;dur=0\.0, cold;dur=\d+\.\d, backend;dur=\d+\.\d, proxy;dur=\d+\.\d start: .+\n\n$/,
    );
    expect(timings).toMatch(/ start: configured;dur=\d+, .*ready;dur=\d+\n\n$/);
    expect(rest).toBe(events);
    expect(backend.seen[0]!.headers['accept-encoding']).toBe('identity');
  });

  it('leaves accept-encoding to the client as long as nothing is committed', async () => {
    const backend = await world.backend(answerEvents);
    const gateway = await world.gateway(fixedModel([backend.url], beats));
    await ask(gateway, { stream: true }, { 'accept-encoding': 'gzip, br' }).end;
    expect(backend.seen[0]!.headers['accept-encoding']).toBe('gzip, br');
  });

  it('is told when the model is expected, once a start was seen', async () => {
    const gateway = await world.gateway(processModel(500, beats));
    await operate(gateway, 'warm');
    await untilState(gateway, 'ready');
    await operate(gateway, 'stop');
    await untilState(gateway, 'cold');
    const { text } = await ask(gateway, { stream: true }).whole();
    const etas = [...text.matchAll(/^: pilotlight position=1 phase="[\w ]+" eta=(\d+\.\d)s$/gm)].map(
      ([, seconds]) => Number(seconds),
    );
    expect(etas.length).toBeGreaterThan(5);
    expect(etas[0]).toBeGreaterThan(0.2);
    expect(etas).toEqual(etas.toSorted((a, b) => b - a));
    expect(etas.at(-1)).toBeLessThan(etas[0]! / 2);
  });

  it('gets no heartbeat when that is set to 0, and so keeps the status of the backend', async () => {
    const backend = await world.backend((res) => res.writeHead(418).end('teapot'));
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], 'heartbeat: { stream: 0, json: 20ms }'));
    const exchange = ask(gateway, { stream: true });
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    backend.isReady = true;
    expect(await exchange.whole()).toMatchObject({ status: 418, text: 'teapot' });
  });
});

const dialects = [
  {
    route: '/v1/chat/completions',
    event: (code: string) =>
      new RegExp(
        `\n\ndata: {"error":{"message":"[^\n]+","type":"server_error","param":null,"code":"${code}"}}\n\n$`,
      ),
  },
  {
    route: '/v1/responses',
    event: (code: string) =>
      new RegExp(
        `\n\nevent: error\ndata: {"type":"error","code":"${code}","message":"[^\n]*"param":null,"sequence_number":0}\n\n$`,
      ),
  },
  {
    route: '/v1/messages',
    event: (code: string) => {
      const type = ['start_failed', 'queue_timeout'].includes(code) ? 'overloaded_error' : 'api_error';
      return new RegExp(
        `\n\nevent: error\ndata: {"type":"error","error":{"type":"${type}","message":"[^\n]+"}}\n\n$`,
      );
    },
  },
];

describe.each(dialects)('a failure after the first heartbeat on $route', ({ route, event }) => {
  const send = (gateway: { url: string }) =>
    new Exchange(gateway.url + route, { model: 'm', stream: true, messages: [] });

  async function afterCommit(answer: Answer): Promise<string> {
    const backend = await world.backend(answer);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], beats));
    const exchange = send(gateway);
    await exchange.until(/position=1/);
    backend.isReady = true;
    expect(await exchange.end).toBe('cut');
    expect(backend.seen).toHaveLength(1);
    return exchange.text;
  }

  it.each([
    ['an error status of the backend', 'backend_bad_response', (res) => res.writeHead(500).end('{}')],
    ['a reset by the backend', 'backend_reset', (_res, req) => req.socket.resetAndDestroy()],
    [
      'an answer that is no stream',
      'backend_bad_response',
      (res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}'),
    ],
    [
      'an answer that is compressed all the same',
      'backend_bad_response',
      (res) =>
        res.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }).end('?'),
    ],
  ] as const satisfies (readonly [string, string, Answer])[])(
    'tells %s and cuts',
    async (_, code, answer) => {
      const text = await afterCommit(answer);
      expect(text).toMatch(event(code));
      expect(text).not.toContain('[DONE]');
    },
  );

  it('tells a failed start and cuts', async () => {
    const command = JSON.stringify([process.execPath, '-e', 'setTimeout(() => process.exit(3), 150)']);
    const gateway = await world.gateway(
      `\n  m: { backend: { driver: process, command: ${command} }, ${beats} }`,
    );
    const exchange = send(gateway);
    expect(await exchange.end).toBe('cut');
    expect((await exchange.head).statusCode).toBe(200);
    expect(exchange.text).toMatch(event('start_failed'));
    expect(exchange.text).toContain('exited with code 3');
  });

  it('tells a deadline that passed and cuts', async () => {
    const backend = await world.backend(answerEvents);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url], `${beats}\n    queue: { timeout: 150ms }`));
    const exchange = send(gateway);
    expect(await exchange.end).toBe('cut');
    expect(exchange.text).toMatch(event('queue_timeout'));
    expect(backend.seen).toHaveLength(0);
  });
});
