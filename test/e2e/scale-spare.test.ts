import { afterEach, expect, it } from 'vitest';
import type { Gateway } from '../support/gateway.ts';
import { decided, heldModel, hold } from '../support/held-model.ts';
import { ask, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** Resolves when so many replicas are ready and there are no others. */
async function untilReady(gateway: Gateway, wanted: number): Promise<void> {
  const counts = async () => {
    const { ready, replicas } = await decided(gateway);
    return [ready, replicas.length];
  };
  await expect.poll(counts, { timeout: 20_000, interval: 20 }).toEqual([wanted, wanted]);
}

it('scale.minUp keeps a model beyond its idle time', { timeout: 60_000 }, async () => {
  const minUpMs = 3_000;
  const gateway = await world.gateway(heldModel(0, `idle: 200ms, minUp: ${minUpMs}ms`));
  const askedAtMs = performance.now();
  expect((await ask(gateway).whole()).status).toBe(200);
  await untilReady(gateway, 0);
  const { lastStarts } = await decided(gateway);
  const startMs = lastStarts[0]!.totalMs!;
  expect(lastStarts).toHaveLength(1);
  expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(startMs + minUpMs);
});

it('scale.buffer gives a spare replica while there are requests, and none without', {
  timeout: 60_000,
}, async () => {
  const gateway = await world.gateway(heldModel(0, 'max: 4, buffer: 1, idle: 500ms'));
  const first = hold(gateway);
  await untilReady(gateway, 2);
  const second = hold(gateway);
  await untilReady(gateway, 3);
  second.abort();
  await untilReady(gateway, 2);
  first.abort();
  await untilReady(gateway, 0);
});

it('scale.maxStarting 1 brings replicas up one after the other', { timeout: 60_000 }, async () => {
  const gateway = await world.gateway(heldModel(400, 'max: 3, maxStarting: 1'));
  const requests = [hold(gateway), hold(gateway), hold(gateway)];
  const starting: number[] = [];
  const ready = async () => {
    const view = await decided(gateway);
    starting.push(view.replicas.length - view.ready);
    return view.ready;
  };
  await expect.poll(ready, { timeout: 30_000, interval: 10 }).toBe(3);
  expect(Math.max(...starting)).toBe(1);
  for (const request of requests) request.abort();
});
