import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Prober, ReadySpec } from '../../src/core/prober.ts';
import { createProber } from '../../src/probe/http-prober.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { testCertificate, testKey } from './certificate.ts';
import { Listeners } from './listeners.ts';

const ready: ReadySpec = {
  kind: 'http',
  path: '/health',
  statuses: [200],
  body: null,
  timeoutMs: 5_000,
  startupMs: 60_000,
  loading: 'Loading model',
  headers: {},
};

describe('prober', () => {
  const signal = new AbortController().signal;
  let clock: ManualClock;
  let prober: Prober & { close(): Promise<void> };
  let listeners: Listeners;

  beforeEach(() => {
    clock = new ManualClock();
    prober = createProber({ clock });
    listeners = new Listeners();
  });
  afterEach(async () => {
    await prober.close();
    expect(clock.pendingTimers).toBe(0);
    listeners.close();
  });

  const listenHttp = (listener: RequestListener) => listeners.listenHttp(listener);
  const listenTcp = (onSocket: (socket: Socket) => void) => listeners.listen(createTcpServer(onSocket));
  const probe = (origin: string, spec: Partial<ReadySpec> = {}) =>
    prober.probe(origin, { ...ready, ...spec }, signal);

  async function closedOrigin(): Promise<string> {
    const origin = await listenTcp(() => undefined);
    await listeners.end();
    return origin;
  }

  it('is ready on one of the statuses, whatever the body', async () => {
    const origin = await listenHttp((_, response) => response.writeHead(204).end());
    expect(await probe(origin, { statuses: [200, 204] })).toEqual({
      state: 'ready',
      detail: 'GET /health: 204',
    });
  });

  it('sends the headers of the spec, below the path prefix of the origin', async () => {
    const origin = await listenHttp((request, response) => {
      const isRight = request.url === '/tts/health?deep=1' && request.headers.authorization === 'Bearer k';
      response.writeHead(isRight ? 200 : 400).end();
    });
    const headers = { authorization: 'Bearer k' };
    expect((await probe(`${origin}/tts`, { path: '/health?deep=1', headers })).state).toBe('ready');
  });

  it.each([
    ['the message of a JSON error', '{"error":{"code":503,"message":"Loading model"}}', '503 Loading model'],
    ['the detail of FastAPI', '{"detail":"engine starting"}', '503 engine starting'],
    ['the text as it is', ' warming\n up ', '503 warming up'],
    ['only the beginning of a long text', 'x'.repeat(500), `503 ${'x'.repeat(120)}…`],
    ['the status alone', '', '503'],
  ])('is loading on another status, and tells %s', async (_, body, told) => {
    const origin = await listenHttp((_request, response) => response.writeHead(503).end(body));
    expect(await probe(origin)).toEqual({ state: 'loading', detail: `GET /health: ${told}` });
  });

  it('is ready only when the body contains the text', async () => {
    let body = '{"status":"loading"}';
    const origin = await listenHttp((_, response) => response.end(body));
    const spec = { body: '"ok"' };
    expect(await probe(origin, spec)).toEqual({ state: 'loading', detail: 'GET /health: 200 loading' });
    body = '{"status":"ok"}';
    expect((await probe(origin, spec)).state).toBe('ready');
  });

  it('reads no more than 64 KiB of a body that does not end', async () => {
    const origin = await listenHttp((_, response) => {
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        response.once('drain', write);
      };
      write();
    });
    expect((await probe(origin, { body: 'ok' })).state).toBe('loading');
  });

  it('is unreachable where nobody listens', async () => {
    const origin = await closedOrigin();
    expect(await probe(origin)).toEqual({ state: 'unreachable', detail: 'GET /health: ECONNREFUSED' });
    expect((await probe(origin, { kind: 'tcp' })).state).toBe('unreachable');
  });

  it('is unreachable when the connection is reset', async () => {
    const origin = await listenTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await probe(origin)).toEqual({ state: 'unreachable', detail: 'GET /health: ECONNRESET' });
  });

  it('is loading when the connection is closed without an answer', async () => {
    const origin = await listenTcp((socket) => socket.once('data', () => socket.end()));
    expect(await probe(origin)).toEqual({ state: 'loading', detail: 'GET /health: socket hang up' });
  });

  it('is loading when the answer is not HTTP', async () => {
    const origin = await listenTcp((socket) => socket.end('220 mail.example ESMTP\r\n'));
    expect(await probe(origin)).toMatchObject({ state: 'loading', detail: expect.stringContaining('HPE_') });
  });

  it('is loading when an upgrade is answered that nobody asked for', async () => {
    const answer = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';
    const origin = await listenTcp((socket) => socket.once('data', () => socket.write(answer)));
    expect((await probe(origin)).state).toBe('loading');
  });

  it.each(['http', 'tcp'] as const)(
    'is unreachable when there is no connection in time (%s)',
    async (kind) => {
      const probing = probe(await closedOrigin(), { kind });
      // Synchronously: not even a refusal has been heard of.
      clock.advanceSync(5_000);
      expect(await probing).toMatchObject({
        state: 'unreachable',
        detail: expect.stringContaining('no connection in 5000 ms'),
      });
    },
  );

  it('is loading when no answer comes in time', async () => {
    const asked = Promise.withResolvers<void>();
    const probing = probe(await listenHttp(() => asked.resolve()));
    await asked.promise;
    await clock.advance(5_000);
    expect(await probing).toEqual({ state: 'loading', detail: 'GET /health: no answer in 5000 ms' });
  });

  it('is loading when the body it must look into is not complete in time', async () => {
    const begun = Promise.withResolvers<void>();
    const origin = await listenHttp((_, response) => response.write('{', () => begun.resolve()));
    const probing = probe(origin, { body: 'ok' });
    await begun.promise;
    // What was written over loopback is read within a few turns of the event loop.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(5_000);
    expect(await probing).toEqual({
      state: 'loading',
      detail: 'GET /health: 200, body not complete in 5000 ms',
    });
  });

  it('opens a connection of its own for each probe', async () => {
    let connections = 0;
    const server = createServer((_, response) => response.end());
    server.on('connection', () => connections++);
    const origin = await listeners.listen(server);
    await probe(origin);
    await probe(origin);
    expect(connections).toBe(2);
  });

  it('asks an https origin over TLS, and is loading while its certificate is not trusted', async () => {
    const server = createHttpsServer({ key: testKey, cert: testCertificate }, (_, response) =>
      response.end(),
    );
    const origin = (await listeners.listen(server)).replace('http:', 'https:');
    const untrusted = { state: 'loading', detail: 'GET /health: DEPTH_ZERO_SELF_SIGNED_CERT' };
    expect(await probe(origin)).toEqual(untrusted);
    const authorities = getCACertificates('default');
    setDefaultCACertificates([...authorities, testCertificate]);
    try {
      expect((await probe(origin)).state).toBe('ready');
    } finally {
      setDefaultCACertificates(authorities);
    }
    expect((await probe((await closedOrigin()).replace('http:', 'https:'))).state).toBe('unreachable');
  });

  it('is ready as soon as the port accepts, where the kind is tcp', async () => {
    const origin = await listenTcp(() => undefined);
    const { port } = new URL(origin);
    const detail = `tcp 127.0.0.1:${port}: accepts connections`;
    expect(await probe(`${origin}/prefix`, { kind: 'tcp' })).toEqual({ state: 'ready', detail });
  });

  it('is ready without asking, where the kind is none', async () => {
    expect((await probe(await closedOrigin(), { kind: 'none' })).state).toBe('ready');
  });

  it.each<[string, string, Partial<ReadySpec>]>([
    ['a header', 'http://127.0.0.1:1', { headers: { 'x-key': 'a\nb' } }],
    ['an origin', 'http://:x', {}],
    ['an origin for tcp', 'nowhere', { kind: 'tcp' }],
  ])('is unreachable where %s cannot be used', async (_, origin, spec) => {
    expect((await probe(origin, spec)).state).toBe('unreachable');
  });

  it.each(['http', 'tcp'] as const)('rejects a %s probe with the reason of its signal', async (kind) => {
    const reason = new Error('stopped');
    await expect(
      prober.probe('http://127.0.0.1:1', { ...ready, kind }, AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
  });

  it('rejects with the reason of its signal while it waits, and closes the connection', async () => {
    const accepted = Promise.withResolvers<Socket>();
    const origin = await listenTcp((socket) => accepted.resolve(socket));
    const controller = new AbortController();
    const probing = prober.probe(origin, ready, controller.signal);
    const socket = await accepted.promise;
    const closed = once(socket.resume(), 'close');
    const reason = new Error('stopped');
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
    await closed;
  });

  it('ends its probes as unreachable when it is closed, and makes no more', async () => {
    const accepted = Promise.withResolvers<void>();
    const origin = await listenTcp(() => accepted.resolve());
    const probing = probe(origin);
    await accepted.promise;
    await prober.close();
    expect((await probing).state).toBe('unreachable');
    expect((await probe(origin)).state).toBe('unreachable');
  });
});
