import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answerOk, type RawExchange } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { isOriginal, quietMs } from './support/under-test.ts';

const rig = useSidecarRig();

/** The original takes half a minute for a drain. */
const options = { timeout: quietMs * 3 + 20_000 };

const hook = () => rawRequest('/wait-for-drain', null, 'connection: close\r\n', 'GET');

/** Asks for the drain as the kubelet does for the user's container; resolves with the milliseconds until it is over. */
async function preStop(): Promise<number> {
  const beganAtMs = performance.now();
  const { status } = await rig.client('GET', rig.sidecar.ports.admin).write(hook()).answer();
  expect(status).toBe(200);
  return performance.now() - beganAtMs;
}

const probe = (fields = 'user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n') =>
  rig
    .client('GET')
    .write(rawRequest('/', null, fields, 'GET'))
    .answer();

const untilDraining = () => expect.poll(async () => (await probe()).status, { interval: 5 }).toBe(503);

describe('the drain by PreStop', () => {
  it(
    'lasts until nobody has asked for the quiet time, and each request begins that anew',
    options,
    async () => {
      const app = await rig.app(answerOk);
      const sidecar = await rig.start(app);
      const draining = preStop();
      await untilDraining();
      sidecar.kill('SIGTERM');
      await pause(quietMs * 0.6);
      // It is served as before.
      expect(await rig.client().write(rawRequest('/late', 'x')).answer()).toMatchObject({
        status: 200,
        body: 'ok',
      });
      const tookMs = await draining;
      expect(tookMs).toBeGreaterThan(quietMs * 1.55);
      expect(tookMs).toBeLessThan(quietMs * 1.9 + 1_500);
      expect(await sidecar.exited()).toBe(0);
    },
  );

  it('lets go after a second when no SIGTERM has come, and all is as before', options, async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const draining = preStop();
    await untilDraining();
    const tookMs = await draining;
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(isOriginal || quietMs > 2_000 ? 3_000 : quietMs);
    expect(await probe()).toMatchObject({ status: 200, body: 'queue' });
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 200 });
  });

  it('is one for all who ask for it', options, async () => {
    const app = await rig.app(answerOk);
    const sidecar = await rig.start(app);
    const first = preStop();
    await untilDraining();
    sidecar.kill('SIGTERM');
    await pause(quietMs / 2);
    const second = await preStop();
    expect(second).toBeLessThan(quietMs * 0.7);
    await first;
  });

  it('answers on its own path alone', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app);
    const answer = await rig
      .client('GET', rig.sidecar.ports.admin)
      .write(rawRequest('/', null, '', 'GET'))
      .answer();
    expect(answer.status).toBe(404);
    expect(await probe()).toMatchObject({ status: 200 });
  });
});

describe('while it drains', () => {
  it('every probe is told that it is shutting down, and requests are served', options, async () => {
    const app = await rig.app(answerOk);
    const sidecar = await rig.start(app);
    sidecar.kill('SIGTERM');
    await untilDraining();
    for (const fields of [
      'user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n',
      'user-agent: Knative-Activator-Probe\r\nk-network-probe: queue\r\n',
      'user-agent: Knative-Autoscaling-Probe\r\n',
      'k-network-probe: probe\r\nk-network-hash: 5a3f\r\n',
    ]) {
      expect(await probe(fields)).toMatchObject({ status: 503, body: 'shutting down\n' });
    }
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({
      status: 200,
      body: 'ok',
    });
  });
});

describe('the drain by SIGTERM', () => {
  it('waits for the quiet time, then for what is under way, and ends with 0', options, async () => {
    let held: RawExchange | null = null;
    const app = await rig.app(async (exchange) => {
      if (exchange.path !== '/long') return answerOk(exchange);
      await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n');
      held = exchange;
    });
    const sidecar = await rig.start(app);
    const idle = rig.client('GET').write(rawRequest('/idle', null, '', 'GET'));
    await idle.next();
    const client = rig.client().write(rawRequest('/long', 'x'));
    await client.until(/first/);
    const beganAtMs = performance.now();
    sidecar.kill('SIGTERM');
    // Who is connected and asks for nothing is let go when the drain is over, and nobody new is taken.
    await idle.closed();
    expect(performance.now() - beganAtMs).toBeGreaterThan(quietMs * 0.95);
    await expect.poll(() => rig.client('GET').closed()).toBe('reset');
    expect(sidecar.exit).toBeNull();
    await held!.write('4\r\nlast\r\n0\r\n\r\n');
    expect(await client.answer()).toMatchObject({ status: 200, body: 'firstlast', isWhole: true });
    expect(await sidecar.exited()).toBe(0);
  });

  it('waits for those who wait in the queue as well', options, async () => {
    const held: RawExchange[] = [];
    const app = await rig.app((exchange) => {
      held.push(exchange);
    });
    const sidecar = await rig.start(app, { concurrency: 1 });
    const first = rig.client().write(rawRequest('/1'));
    await app.exchange(0);
    const second = rig.client().write(rawRequest('/2'));
    sidecar.kill('SIGTERM');
    await pause(quietMs + 500);
    await held[0]!.answer('one');
    await expect.poll(() => held.length).toBe(2);
    await held[1]!.answer('two');
    expect([(await first.answer()).body, (await second.answer()).body]).toEqual(['one', 'two']);
    expect(await sidecar.exited()).toBe(0);
  });
});
