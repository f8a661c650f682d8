import { createServer as createHttp2Server } from 'node:http2';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Prober, ReadySpec } from '../../src/core/prober.ts';
import { decodeHealthResponse, encodeHealthRequest } from '../../src/probe/grpc-health.ts';
import { createProber } from '../../src/probe/http-prober.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { GrpcHealthServer } from './grpc-health-server.ts';
import { Listeners } from './listeners.ts';

const connectTo = (origin: string) => connect(Number(new URL(origin).port), '127.0.0.1');

const ready: ReadySpec = {
  kind: 'grpc',
  path: '/',
  statuses: [],
  body: null,
  timeoutMs: 5_000,
  startupMs: 60_000,
  loading: 'Loading model',
  headers: { 'x-key': 'k' },
};

describe('grpc probe', () => {
  const signal = new AbortController().signal;
  let clock: ManualClock;
  let prober: Prober & { close(): Promise<void> };
  let server: GrpcHealthServer;
  let listeners: Listeners;

  beforeEach(() => {
    clock = new ManualClock();
    prober = createProber({ clock });
    server = new GrpcHealthServer();
    listeners = new Listeners();
  });
  afterEach(async () => {
    await prober.close();
    expect(clock.pendingTimers).toBe(0);
    server.close();
    listeners.close();
  });

  const probe = (origin: string, service = '') => prober.probe(origin, { ...ready, service }, signal);

  it('is ready when the server as a whole serves', async () => {
    expect(await probe(await server.start())).toEqual({ state: 'ready', detail: 'grpc health: SERVING' });
    expect(server.calls).toEqual([expect.objectContaining({ service: '', 'x-key': 'k' })]);
  });

  it.each([
    [1, 'ready', 'SERVING'],
    [2, 'loading', 'NOT_SERVING'],
    [0, 'loading', 'UNKNOWN'],
    [3, 'loading', 'SERVICE_UNKNOWN'],
    [77, 'loading', 'UNKNOWN'],
  ])('takes the status %i of the service that is asked for as %s', async (status, state, told) => {
    server.statusByService.set('llm.Chat', status);
    expect(await probe(await server.start(), 'llm.Chat')).toEqual({
      state,
      detail: `grpc health of llm.Chat: ${told}`,
    });
  });

  it('is loading while the service is not known', async () => {
    expect(await probe(await server.start(), 'llm.Chat')).toEqual({
      state: 'loading',
      detail: 'grpc health of llm.Chat: the service is not known',
    });
  });

  it('is loading where the server has no health service', async () => {
    expect(await probe(await server.start('other.Health'))).toEqual({
      state: 'loading',
      detail: 'grpc health: the server has no grpc.health.v1.Health',
    });
  });

  it('is loading when the server takes longer than the limit', async () => {
    server.isSlow = true;
    const result = probe(await server.start());
    await expect.poll(() => server.calls.length).toBe(1);
    await clock.advance(ready.timeoutMs);
    expect(await result).toEqual({ state: 'loading', detail: 'grpc health: no answer in time' });
  });

  it('is loading at a server of HTTP/1.1', async () => {
    const origin = await listeners.listenHttp((_request, response) => response.end('ok'));
    expect(await probe(origin)).toEqual({ state: 'loading', detail: 'grpc health: no HTTP/2' });
  });

  it('is loading at a server of HTTP/2 that is none of gRPC', async () => {
    const other = createHttp2Server((_request, response) => response.end('ok'));
    expect(await probe(await listeners.listen(other))).toEqual({
      state: 'loading',
      detail: 'grpc health: 200, no gRPC',
    });
  });

  it('is loading when the connection ends before the answer', async () => {
    const origin = await listeners.listen(createTcpServer((socket: Socket) => socket.end()));
    expect((await probe(origin)).state).toBe('loading');
  });

  it('is unreachable where nobody listens', async () => {
    const origin = await listeners.listen(createTcpServer());
    await listeners.end();
    expect(await probe(origin)).toEqual({ state: 'unreachable', detail: 'grpc health: ECONNREFUSED' });
  });

  it('ends with the prober', async () => {
    server.isSlow = true;
    const result = probe(await server.start());
    await expect.poll(() => server.calls.length).toBe(1);
    await prober.close();
    expect((await result).state).toBe('unreachable');
  });

  it('leaves no connection behind', async () => {
    let open = 0;
    const origin = await server.start();
    const relay = createTcpServer((socket) => {
      open++;
      socket.once('close', () => open--);
      socket.on('error', () => socket.destroy());
      const to = socket.pipe(connectTo(origin));
      to.on('error', () => socket.destroy()).pipe(socket);
    });
    expect((await probe(await listeners.listen(relay))).state).toBe('ready');
    await expect.poll(() => open).toBe(0);
  });
});

describe('messages of the health service', () => {
  it('are those of proto3', () => {
    expect(Buffer.from(encodeHealthRequest('')).toString('hex')).toBe('0000000000');
    expect(Buffer.from(encodeHealthRequest('a')).toString('hex')).toBe('00000000030a0161');
  });

  it.each([
    ['cut off', '0000000002'],
    ['compressed', '01000000020801'],
    ['no protobuf', '000000000208'],
    ['empty', ''],
  ])('are refused where they are %s', (_, hex) => {
    expect(decodeHealthResponse(Buffer.from(hex, 'hex'))).toBeNull();
  });

  it('may have fields that are not known, and none', () => {
    expect(decodeHealthResponse(Buffer.from('0000000006120261620801', 'hex'))).toBe('SERVING');
    expect(decodeHealthResponse(Buffer.from('0000000000', 'hex'))).toBe('UNKNOWN');
  });
});
