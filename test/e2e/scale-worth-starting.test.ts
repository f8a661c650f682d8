import { afterEach, expect, it } from 'vitest';
import type { Exchange } from '../support/exchange.ts';
import type { Gateway } from '../support/gateway.ts';
import { decided, heldModel, hold } from '../support/held-model.ts';
import { World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const loadMs = 1_500;

/** A model of which it is known how long it starts, and that a request holds it for about `holdMs`. */
async function known(holdMs: number): Promise<Gateway> {
  const gateway = await world.gateway(heldModel(loadMs, 'max: 2'));
  for (let count = 0; count < 2; count++) expect((await hold(gateway, holdMs).whole()).status).toBe(200);
  const { ready, lastStarts } = await decided(gateway);
  expect(ready).toBe(1);
  expect(lastStarts[0]!.totalMs).toBeGreaterThanOrEqual(loadMs);
  return gateway;
}

/** Most replicas that were seen while `count` requests of `holdMs` each were answered. */
async function mostReplicas(gateway: Gateway, count: number, holdMs: number): Promise<number> {
  const exchanges: readonly Exchange[] = Array.from({ length: count }, () => hold(gateway, holdMs));
  let isOver = false;
  const answers = Promise.all(exchanges.map((exchange) => exchange.whole())).finally(() => {
    isOver = true;
  });
  let most = 0;
  const look = async () => {
    most = Math.max(most, (await decided(gateway)).replicas.length);
    return isOver;
  };
  await expect.poll(look, { timeout: 30_000, interval: 10 }).toBe(true);
  expect((await answers).map(({ status }) => status)).toEqual(Array(count).fill(200));
  return most;
}

it('a queue that drains sooner than a start takes buys no second replica', { timeout: 60_000 }, async () => {
  const gateway = await known(20);
  expect(await mostReplicas(gateway, 5, 20)).toBe(1);
});

it('a queue that would take longer than a start gets a second replica', { timeout: 60_000 }, async () => {
  const gateway = await known(800);
  expect(await mostReplicas(gateway, 8, 800)).toBe(2);
});
