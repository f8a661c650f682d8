import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { ask, untilReplica, viewOf, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const stateAt = async (gateway: Gateway, url: string) =>
  (await viewOf(gateway)).replicas.find(({ origin }) => origin === url)!.state;

const portOf = ({ url }: Backend) => Number(new URL(url).port);

describe('a replica that refuses connections', () => {
  it('is ejected by the first refusal without any client seeing it, and is back when it listens again', async () => {
    const [gone, alive] = [await world.backend(answerJson), await world.backend(answerJson)];
    const gateway = await world.gatewayFor([gone, alive], 'concurrency: 1');
    await gone.close();
    const exchanges = Array.from({ length: 20 }, () => ask(gateway));
    for (const exchange of exchanges) expect((await exchange.whole()).status).toBe(200);
    expect(alive.seen).toHaveLength(20);
    expect(await stateAt(gateway, gone.url)).toBe('suspect');
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^pilotlight_retries_total\{model="m"\} 1$/m);

    const back = await world.backend(answerJson, portOf(gone));
    await untilReplica(gateway, gone.url, 'ready');
    // The first with room is taken for small limits.
    expect((await ask(gateway).whole()).status).toBe(200);
    expect(back.seen).toHaveLength(1);
  });

  it('costs a request its slot, not its place: it goes before those who came after it', async () => {
    const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const order: number[] = [];
    // Its one request ends with its connection, and it listens no more.
    const gone = await world.backend(async (res) => {
      await held.promise;
      gone.server.close();
      res.writeHead(200, { connection: 'close' }).end('{}');
    });
    const alive = await world.backend(async (res, _req, body) => {
      order.push((JSON.parse(body) as { n: number }).n);
      await release.promise;
      res.end('{}');
    });
    const gateway = await world.gatewayFor([gone, alive], 'concurrency: 1');
    const busy = ask(gateway, { n: -1 });
    await expect.poll(() => gone.seen.length).toBe(1);
    const exchanges = [ask(gateway, { n: 0 })];
    await expect.poll(() => order).toEqual([0]);
    for (let n = 1; n <= 4; n++) {
      exchanges.push(ask(gateway, { n }));
      await expect.poll(() => waitingAt(gateway)).toBe(n);
    }
    // Number 1 is given the slot of the first replica, is refused, and must come back before 2, 3 and 4.
    held.resolve();
    expect((await busy.whole()).status).toBe(200);
    await untilReplica(gateway, gone.url, 'suspect');
    expect(await waitingAt(gateway)).toBe(4);
    release.resolve();
    for (const exchange of exchanges) expect((await exchange.whole()).status).toBe(200);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('a replica that resets requests which it has read', () => {
  it('is told as backend_reset, never repeated, and ejected after three in a row until its probe passes', async () => {
    const resetting = await world.backend((_res, req) => req.socket.resetAndDestroy());
    const good = await world.backend(answerJson);
    const gateway = await world.gatewayFor([resetting, good], 'concurrency: 1');
    resetting.isReady = false;
    for (let n = 0; n < 3; n++) {
      expect(await stateAt(gateway, resetting.url)).toBe('ready');
      const { status, headers, text } = await ask(gateway, { n }).whole();
      expect([status, headers['x-should-retry']]).toEqual([502, 'false']);
      expect(text).toContain('"code":"backend_reset"');
    }
    expect(await stateAt(gateway, resetting.url)).toBe('suspect');
    for (let n = 3; n < 10; n++) expect((await ask(gateway, { n }).whole()).status).toBe(200);
    expect(resetting.seen.map(({ body }) => (JSON.parse(body) as { n: number }).n)).toEqual([0, 1, 2]);
    expect(good.seen.map(({ body }) => (JSON.parse(body) as { n: number }).n)).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  it('is probed back in to try one request, and stays out for longer when that is reset too', async () => {
    let isResetting = true;
    const resetting = await world.backend((res, req, body) => {
      if (isResetting) req.socket.resetAndDestroy();
      else answerJson(res, req, body);
    });
    const good = await world.backend(answerJson);
    const gateway = await world.gatewayFor([resetting, good], 'concurrency: 2');
    const serve = async () => (await ask(gateway).whole()).status;
    const probes = resetting.probes();
    // The first with room is chosen, so that each of these goes there.
    for (let n = 0; n < 3; n++) expect(await serve()).toBe(502);
    await untilReplica(gateway, resetting.url, 'ready');
    expect(resetting.probes()).toBe(probes + 1);
    expect(await serve()).toBe(502);
    const outAtMs = performance.now();
    isResetting = false;
    for (let n = 0; n < 20; n++) expect(await serve()).toBe(200);
    expect([resetting.seen.length, good.seen.length]).toEqual([4, 20]);
    await untilReplica(gateway, resetting.url, 'ready');
    expect(performance.now() - outAtMs).toBeGreaterThan(900);
    expect(await serve()).toBe(200);
    expect(resetting.seen).toHaveLength(5);
  });

  it('stays when it answers in between', async () => {
    let count = 0;
    const flaky = await world.backend((res, req, body) => {
      if (++count % 3 === 0) answerJson(res, req, body);
      else req.socket.resetAndDestroy();
    });
    const gateway = await world.gatewayFor([flaky]);
    const probes = flaky.probes();
    const statuses = [];
    for (let n = 0; n < 9; n++) statuses.push((await ask(gateway).whole()).status);
    expect(statuses).toEqual([502, 502, 200, 502, 502, 200, 502, 502, 200]);
    expect(flaky.probes()).toBe(probes);
    expect(flaky.seen).toHaveLength(9);
  });

  it('does not take the others down with it when a reset comes in the middle of an answer', async () => {
    const cutting = await world.backend((res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      res.write('{', () => res.socket!.resetAndDestroy());
    });
    const gateway = await world.gatewayFor([cutting]);
    const exchange = ask(gateway);
    expect(await exchange.end).toBe('cut');
    expect(cutting.seen).toHaveLength(1);
  });
});
