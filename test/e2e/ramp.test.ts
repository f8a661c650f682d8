import type { ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { ask, fixedModel, viewOf, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

it('a fresh replica gets one request at first, and all that its limit allows within scale.ramp', async () => {
  const held: ServerResponse[] = [];
  const backend = await world.backend((res) => held.push(res));
  backend.isReady = false;
  const rampMs = 1_500;
  const gateway = await world.gateway(
    fixedModel([backend.url], `concurrency: 5\n    scale: { ramp: ${rampMs}ms }`),
  );
  const exchanges = Array.from({ length: 6 }, () => ask(gateway));
  const state = async () => {
    const { inFlight, queue } = await viewOf(gateway);
    return [inFlight, queue.waiting];
  };
  await expect.poll(state).toEqual([0, 6]);
  backend.isReady = true;
  await expect.poll(() => held.length, { interval: 5 }).toBe(1);
  const readyAtMs = performance.now();
  expect(await state()).toEqual([1, 5]);
  await expect.poll(() => held.length, { timeout: 10_000, interval: 10 }).toBe(5);
  expect(performance.now() - readyAtMs).toBeGreaterThan(rampMs / 2);
  expect(await state()).toEqual([5, 1]);
  held[0]!.end();
  await expect.poll(() => held.length).toBe(6);
  for (const res of held) res.end();
  expect(await Promise.all(exchanges.map(async (it) => (await it.whole()).status))).toEqual(
    Array(6).fill(200),
  );
});
