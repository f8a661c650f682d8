import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { KubeApi, WatchEvent } from '../../src/kube/api.ts';
import { type AnsweredRequest, createKubeApi } from '../../src/kube/client.ts';
import { KubeServer } from '../support/kube-server.ts';

const path = '/apis/apps/v1/namespaces/llm/deployments';
const { signal } = new AbortController();
let server: KubeServer;
let api: KubeApi;
let token = 'old';
/** For how long the process was frozen: clocks went on, timers did not. */
let frozenMs = 0;
/** Called while the credentials are read. */
let onHeaders: () => void = () => undefined;
const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + frozenMs };
const answered: AnsweredRequest[] = [];
beforeEach(async () => {
  answered.length = 0;
  token = 'old';
  frozenMs = 0;
  onHeaders = () => undefined;
  server = await KubeServer.start();
  api = createKubeApi({
    access: {
      server: server.url,
      namespace: 'llm',
      tls: {},
      headers: async () => {
        onHeaders();
        return { authorization: `Bearer ${token}` };
      },
      refresh: () => {
        token = 'new';
      },
    },
    clock,
    userAgent: 'pilotlight/test',
    onRequest: (request) => answered.push(request),
  });
});
afterEach(async () => {
  await api.close();
  await server.close();
});

describe('the client of the API server', () => {
  it('waits as long as the server asks when it is throttled, and then gets its answer', async () => {
    server.put(`${path}/a`, {});
    server.fault({ kind: 'status', status: 429, retryAfterS: 0.05, times: 2 });
    expect(await api.call({ method: 'GET', path: `${path}/a`, signal })).toMatchObject({
      kind: 'Deployment',
    });
    expect(answered.map(({ status }) => status)).toEqual([429, 429, 200]);
  });

  it('pauses before it asks again, though the server says at once', async () => {
    server.fault({ kind: 'status', status: 429, retryAfterS: 0 });
    const call = api.call({ method: 'GET', path, signal, timeoutMs: 1_000 });
    await expect(call).rejects.toMatchObject({ status: 429 });
    expect(server.requests.length).toBeGreaterThan(1);
    expect(server.requests.length).toBeLessThanOrEqual(12);
  });

  it('does not wait longer than its time-out for that', async () => {
    server.fault({ kind: 'status', status: 429, retryAfterS: 30 });
    const call = api.call({ method: 'GET', path, signal, timeoutMs: 2_000 });
    await expect(call).rejects.toMatchObject({ status: 429, retryAfterMs: 30_000 });
  });

  it('reads its credentials again, once, when they are refused', async () => {
    server.fault({ kind: 'status', status: 401, times: 1 });
    await api.call({ method: 'GET', path, signal });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
    server.fault({ kind: 'status', status: 401 });
    await expect(api.call({ method: 'GET', path, signal })).rejects.toMatchObject({ status: 401 });
    expect(server.requests).toHaveLength(4);
  });

  it('tells a refusal in the words of the server', async () => {
    server.fault({ kind: 'forbid', verb: 'list', resource: 'deployments' });
    await expect(api.call({ method: 'GET', path, signal })).rejects.toThrow(
      `GET ${path}: 403 Forbidden: deployments is forbidden: User "test" cannot list resource "deployments"`,
    );
  });

  it('gives up a call that hangs, and one whose caller left', async () => {
    server.fault({ kind: 'hang' });
    const late = api.call({ method: 'GET', path, signal, timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ status: 0, message: `GET ${path}: no answer for 50 ms` });
    const left = new AbortController();
    const call = api.call({ method: 'GET', path, signal: left.signal });
    left.abort(new Error('left'));
    await expect(call).rejects.toThrow('left');
  });

  it.each([
    ['while its credentials were read', (freeze: () => void) => freeze()],
    ['while it waited for a connection', (freeze: () => void) => process.nextTick(freeze)],
  ])('does not send what the process was frozen over, %s', async (_when, during) => {
    onHeaders = () => during(() => (frozenMs = 20_000));
    const write = { method: 'PATCH' as const, path: `${path}/a/scale`, body: {}, signal };
    await expect(api.call(write)).rejects.toMatchObject({
      status: 0,
      message: expect.stringContaining('not sent'),
    });
    frozenMs = 0;
    onHeaders = () => undefined;
    server.put(`${path}/a`, {});
    await api.call({ method: 'GET', path: `${path}/a`, signal });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is not made to wait by watches, however many are open', async () => {
    const stop = new AbortController();
    const watch = () =>
      api.watch(`${path}?watch=true`, () => undefined, { idleMs: 9_000, signal: stop.signal });
    const watches = Array.from({ length: 40 }, () => watch().catch((error: Error) => error.name));
    await expect.poll(() => server.watchCount()).toBe(40);
    await api.call({ method: 'GET', path, signal, timeoutMs: 1_000 });
    stop.abort();
    expect(new Set(await Promise.all(watches))).toEqual(new Set(['AbortError']));
  });

  it('gets a text as it is, asking for any type, and refuses one that is longer than it was told', async () => {
    const log = '/api/v1/namespaces/llm/pods/a/log?container=main';
    server.logs.set('a', 'main', { current: '{"a":\nno CUDA dëvice\n' });
    const text = (maxBytes: number) => api.text({ path: log, maxBytes, signal });
    expect(await text(1_000)).toBe('{"a":\nno CUDA dëvice\n');
    expect(server.requests[0]!.headers.accept).toBe('application/json, */*');
    await expect(text(10)).rejects.toMatchObject({ status: 0, message: expect.stringContaining('10 bytes') });
    await expect(api.text({ path: `${log}&previous=true`, maxBytes: 1_000, signal })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('400 BadRequest: previous terminated container "main"'),
    });
  });

  it('is not made to wait by texts that a node does not give, however many', async () => {
    server.put(`${path}/a`, {});
    server.fault({ kind: 'hang', resource: 'pods/log' });
    const stop = new AbortController();
    const asked = { path: '/api/v1/namespaces/llm/pods/a/log', maxBytes: 1, signal: stop.signal };
    const texts = Array.from({ length: 40 }, () => api.text(asked).catch((error: Error) => error.name));
    await expect.poll(() => server.requests.length).toBe(4);
    await api.call({ method: 'GET', path: `${path}/a`, signal });
    expect(server.requests).toHaveLength(5);
    stop.abort();
    expect(new Set(await Promise.all(texts))).toEqual(new Set(['AbortError']));
  });

  it('hears a watch in pieces that end within a character, until it is ended, broken or silent', async () => {
    const events: WatchEvent[] = [];
    const open = (idleMs = 9_000) =>
      api.watch(`${path}?watch=true`, (event) => events.push(event), { idleMs, signal });
    const ended = open();
    await expect.poll(() => server.watchCount()).toBe(1);
    server.sendToWatches('{"type":"ADDED","object":"gr');
    server.sendToWatches('ün"}\n\n{"type":"BOOKMARK",');
    server.sendToWatches('"object":1}\n');
    await expect.poll(() => events.map(({ object }) => object)).toEqual(['grün', 1]);
    server.endWatches();
    await ended;
    const broken = open();
    const garbled = broken.catch((error: unknown) => error);
    await expect.poll(() => server.watchCount()).toBe(1);
    server.sendToWatches('nonsense\n');
    expect(await garbled).toMatchObject({ status: 0 });
    await expect(open(50)).rejects.toThrow('nothing heard for 50 ms');
  });
});
