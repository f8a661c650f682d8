import { afterEach, expect, it } from 'vitest';
import { decided, heldModel } from '../support/held-model.ts';
import { ask, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

it('idle adaptive keeps a model as long as its return is worth it, says why, and lets it go then', {
  timeout: 60_000,
}, async () => {
  // Before anything is learned, a return within 5 s is worth keeping for at this price and one within 10 s is not.
  const gateway = await world.gateway(heldModel(0, 'idle: adaptive, coldStartCost: 65s'));
  expect((await ask(gateway).whole()).status).toBe(200);
  const answeredAtMs = performance.now();
  const seen = new Set<string>();
  const replicas = async () => {
    const { ready, replicas, decision } = await decided(gateway);
    if (ready > 0) seen.add(decision);
    return replicas.length;
  };
  await expect.poll(replicas, { timeout: 20_000, interval: 20 }).toBe(0);
  // The idle time begins in the gateway, a moment before the client has the answer.
  expect(performance.now() - answeredAtMs).toBeGreaterThan(4_800);
  expect([...seen]).toContainEqual(
    expect.stringMatching(/^kept until \d\d:\d\d UTC: 8 % of returns at this hour come within 5s$/),
  );
});

it('idle adaptive lets a model go at once where no waiting for its return is worth a cold start', {
  timeout: 60_000,
}, async () => {
  const gateway = await world.gateway(heldModel(0, 'idle: adaptive, coldStartCost: 10s'));
  const first = await ask(gateway).whole();
  await expect.poll(async () => (await decided(gateway)).replicas.length, { timeout: 20_000 }).toBe(0);
  const { lastStarts } = await decided(gateway);
  expect(lastStarts).toHaveLength(1);
  const second = await ask(gateway).whole();
  expect([first.status, second.status]).toEqual([200, 200]);
  expect(second.text).not.toBe(first.text);
});
