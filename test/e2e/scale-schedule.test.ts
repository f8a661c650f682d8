import { afterEach, expect, it } from 'vitest';
import { decided, heldModel } from '../support/held-model.ts';
import { World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const windowMs = 4_000;

it('a window of scale.schedules brings a replica up without any request and lets it go when it is over', {
  timeout: 60_000,
}, async () => {
  // On a whole second, and far enough away that the gateway is there before.
  const beginMs = Math.ceil((Date.now() + 2_000) / 1_000) * 1_000;
  const begin = new Date(beginMs);
  const cron = `${begin.getUTCSeconds()} ${begin.getUTCMinutes()} ${begin.getUTCHours()} * * *`;
  const gateway = await world.gateway(
    heldModel(0, `idle: 500ms, schedules: [{ cron: "${cron}", for: ${windowMs}ms, min: 1 }]`),
  );
  const seen: string[] = [];
  const until = async (ready: number) => {
    const isSo = async () => {
      const view = await decided(gateway);
      if (view.ready > 0) seen.push(view.decision);
      return view.ready === ready && view.replicas.length === ready;
    };
    await expect.poll(isSo, { timeout: 20_000, interval: 20 }).toBe(true);
    return Date.now();
  };
  expect(await until(1)).toBeGreaterThanOrEqual(beginMs);
  expect(await until(0)).toBeGreaterThanOrEqual(beginMs + windowMs);
  expect(seen).toContain(`min is 1 (schedule ${cron} UTC)`);
  expect((await decided(gateway)).lastStarts.map(({ outcome }) => outcome)).toEqual(['ready']);
});
