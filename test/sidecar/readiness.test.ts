import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import type { RawBackend, Script } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { GrpcApp } from './support/grpc-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

/** What Kubernetes fills in where a probe says nothing of it. */
const defaults = { periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 };

const portOf = (app: RawBackend) => Number(new URL(app.url).port);

const httpGet = (port: number, more: object = {}) => ({
  path: '/healthz',
  port,
  host: '127.0.0.1',
  scheme: 'HTTP',
  ...more,
});

/** The status of a probe of the kubelet, and its time. */
async function ready(): Promise<{ readonly status: number; readonly tookMs: number }> {
  const beganAtMs = performance.now();
  const fields = 'user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n';
  const { status } = await rig
    .client('GET')
    .write(rawRequest('/', null, fields, 'GET'))
    .answer();
  return { status, tookMs: performance.now() - beganAtMs };
}

/** Whoever is sent elsewhere is answered there. */
const answerStatus =
  (status: string): Script =>
  (exchange) =>
    exchange.path === '/there'
      ? exchange.answer('ok')
      : exchange.answer('', status, status.startsWith('302') ? 'location: /there\r\n' : '');

describe('readiness by HTTP', () => {
  it.each(['200 OK', '204 No Content', '302 Found', '399 Odd'])('is there with %s', async (status) => {
    const app = await rig.app(answerStatus(status));
    await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), ...defaults } });
    expect(await ready()).toMatchObject({ status: 200 });
  });

  it.each(['400 Bad Request', '404 Not Found', '500 Internal Server Error', '503 Service Unavailable'])(
    'is not there with %s',
    async (status) => {
      const app = await rig.app(answerStatus(status));
      await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), ...defaults } });
      expect(await ready()).toMatchObject({ status: 503 });
    },
  );

  it('asks with the path, the fields and the name that the app may know it by', async () => {
    const app = await rig.app((exchange) => exchange.answer('ok'));
    const fields = [{ name: 'X-Secret', value: 'open' }];
    const probe = { httpGet: httpGet(portOf(app), { path: '/a/b?c=d', httpHeaders: fields }), ...defaults };
    await rig.start(app, { probe });
    expect(await ready()).toMatchObject({ status: 200 });
    const { head, path } = app.exchanges[0]!;
    expect(head.startLine).toMatch(/^GET .* HTTP\/1\.1$/);
    expect(path).toBe('/a/b?c=d');
    expect(head.fields.get('x-secret')).toBe('open');
    expect(head.fields.get('user-agent')).toMatch(/^kube-probe\//);
  });

  it('is not there when nothing comes within timeoutSeconds', async () => {
    const app = await rig.app(() => undefined);
    await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), ...defaults } });
    const { status, tookMs } = await ready();
    expect(status).toBe(503);
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(3_000);
  });

  it('is asked of the app once for all who ask at the same time', async () => {
    const held = Promise.withResolvers<void>();
    const app = await rig.app(async (exchange) => {
      await held.promise;
      await exchange.answer('ok');
    });
    await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), ...defaults, timeoutSeconds: 10 } });
    const all = Array.from({ length: 20 }, () => ready());
    await app.exchange(0);
    await pause(200);
    held.resolve();
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses).toEqual(Array(20).fill(200));
    expect(app.exchanges).toHaveLength(1);
    // What was found is not kept: the next who asks has it asked again.
    expect(await ready()).toMatchObject({ status: 200 });
    expect(app.exchanges).toHaveLength(2);
  });
});

describe('readiness with periodSeconds 0', () => {
  it('is polled until it is there', async () => {
    let isReady = false;
    const app = await rig.app((exchange) =>
      exchange.answer('', isReady ? '200 OK' : '503 Service Unavailable'),
    );
    await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), successThreshold: 1 } });
    const asking = ready();
    await app.exchange(5);
    isReady = true;
    const { status, tookMs } = await asking;
    expect(status).toBe(200);
    // Six at 50 ms each.
    expect(tookMs).toBeGreaterThan(240);
    expect(tookMs).toBeLessThan(2_000);
  });

  it('waits 100 ms for each answer', async () => {
    const app = await rig.app(async (exchange) => {
      if (app.exchanges.length < 4) return;
      await exchange.answer('ok');
    });
    await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), successThreshold: 1 } });
    const { status, tookMs } = await ready();
    expect(status).toBe(200);
    expect(tookMs).toBeGreaterThan(290);
    expect(tookMs).toBeLessThan(2_000);
  });

  it('must be there successThreshold times in a row', async () => {
    const app = await rig.app((exchange) =>
      exchange.answer('', app.exchanges.length === 3 ? '503 Service Unavailable' : '200 OK'),
    );
    await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), successThreshold: 3 } });
    expect(await ready()).toMatchObject({ status: 200 });
    // Two, one that fails, three.
    expect(app.exchanges).toHaveLength(6);
  });

  it('is given up after 10 s', async () => {
    const app = await rig.app(answerStatus('503 Service Unavailable'));
    await rig.start(app, { probe: { httpGet: httpGet(portOf(app)), successThreshold: 1 } });
    const { status, tookMs } = await ready();
    expect(status).toBe(503);
    expect(tookMs).toBeGreaterThan(9_500);
    expect(tookMs).toBeLessThan(12_000);
  });
});

describe('readiness by TCP', () => {
  it('is there as soon as the port takes connections', async () => {
    const [port] = await freePorts(1);
    await rig.start(port!, { probe: { tcpSocket: { port, host: '127.0.0.1' }, ...defaults } });
    expect(await ready()).toMatchObject({ status: 503 });
    const server = createServer((socket) => socket.destroy());
    rig.onClose(() => server.close());
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect(await ready()).toMatchObject({ status: 200 });
  });
});

describe('readiness by gRPC', () => {
  it.each(['', 'models'])('is there while the app says SERVING of %j', async (service) => {
    const app = await GrpcApp.start();
    rig.onClose(() => app.close());
    app.health.set(service, 'NOT_SERVING');
    await rig.start(app.port, { probe: { grpc: { port: app.port, service }, ...defaults } });
    expect(await ready()).toMatchObject({ status: 503 });
    app.health.set(service, 'SERVING');
    expect(await ready()).toMatchObject({ status: 200 });
  });
});

it('without a probe the app is taken for ready', async () => {
  const [port] = await freePorts(1);
  await rig.start(port!);
  expect(await ready()).toMatchObject({ status: 200 });
});

it('of several containers all must be ready', async () => {
  let isReady = false;
  const app = await rig.app((exchange) => exchange.answer('ok'));
  const other = await rig.app((exchange) =>
    exchange.answer('', isReady ? '200 OK' : '503 Service Unavailable'),
  );
  const probe = [app, other].map((each) => ({ httpGet: httpGet(portOf(each)), ...defaults }));
  await rig.start(app, { probe, env: { ENABLE_MULTI_CONTAINER_PROBES: 'true' } });
  expect(await ready()).toMatchObject({ status: 503 });
  isReady = true;
  expect(await ready()).toMatchObject({ status: 200 });
});
