import { afterEach, describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';
import { DrilledGateway, NotingBackend } from './drilled-gateway.ts';
import { allSucceed } from './outcomes.ts';
import { repeats, tell } from './repeats.ts';

const world = new World();
afterEach(() => world.close());

const ids = (count: number) => Array.from({ length: count }, (_, n) => `job-${n}`);

async function rig() {
  const backend = new NotingBackend();
  const gateway = new DrilledGateway(world, { backendUrl: await backend.listen(world), store: 'sqlite' });
  await gateway.start();
  return { backend, gateway };
}

describe('kill -9 of the gateway', () => {
  it('while jobs are queued loses none', { timeout: 60_000 * repeats }, async () => {
    let acknowledged = 0;
    let succeeded = 0;
    for (let round = 0; round < repeats; round++) {
      const { backend, gateway } = await rig();
      backend.hold();
      const accepted: string[] = [];
      // More than the four that run: the others are queued. The kill comes between any two answers.
      const puts = ids(40).map(async (id) => (await gateway.put(id)) && accepted.push(id));
      await expect.poll(() => accepted.length).toBeGreaterThanOrEqual(10 + (round % 25));
      await gateway.kill();
      await Promise.all(puts);
      backend.release();
      await gateway.start();
      succeeded += (await allSucceed(gateway, backend, accepted)).succeeded;
      acknowledged += accepted.length;
      await world.close();
    }
    tell('killed while queued', { acknowledged, succeeded });
  });

  it.each(['running', 'streaming'])(
    'while jobs are %s runs them again',
    { timeout: 60_000 * repeats },
    async (state) => {
      let runTwice = 0;
      let sum = 0;
      for (let round = 0; round < repeats; round++) {
        const { backend, gateway } = await rig();
        backend.hold();
        backend.streams = state === 'streaming';
        for (const id of ids(4)) expect(await gateway.put(id, { stream: backend.streams })).toBe(true);
        for (const id of ids(4))
          await expect.poll(async () => (await gateway.get(id))?.status, { timeout: 10_000 }).toBe(state);
        await expect.poll(() => backend.waiting).toBe(4);
        await gateway.kill();
        backend.release();
        await gateway.start();
        const { succeeded, again } = await allSucceed(gateway, backend, ids(4));
        runTwice += again;
        sum += succeeded;
        await world.close();
      }
      tell(`killed while ${state}`, { acknowledged: 4 * repeats, succeeded: sum, 'run again': runTwice });
      expect(runTwice).toBe(4 * repeats);
    },
  );

  it('while results are recorded loses none and doubles none', { timeout: 60_000 * repeats }, async () => {
    let runTwice = 0;
    let sum = 0;
    for (let round = 0; round < repeats; round++) {
      const { backend, gateway } = await rig();
      for (const id of ids(30)) expect(await gateway.put(id)).toBe(true);
      // Anywhere in the stream of claims and results.
      await expect.poll(() => backend.runs.size, { interval: 1 }).toBeGreaterThanOrEqual(3 + (round % 25));
      await gateway.kill();
      await gateway.start();
      const { succeeded, again } = await allSucceed(gateway, backend, ids(30));
      runTwice += again;
      sum += succeeded;
      await world.close();
    }
    tell('killed while results are recorded', {
      acknowledged: 30 * repeats,
      succeeded: sum,
      'run again': runTwice,
    });
    // Those alone that ran at the kill.
    expect(runTwice).toBeLessThanOrEqual(4 * repeats);
  });

  it('keeps what had ended, and what was canceled stays so', { timeout: 60_000 * repeats }, async () => {
    for (let round = 0; round < repeats; round++) {
      const { backend, gateway } = await rig();
      expect(await gateway.put('done')).toBe(true);
      await expect.poll(async () => (await gateway.get('done'))?.status).toBe('succeeded');
      backend.hold();
      for (const id of ids(6)) expect(await gateway.put(id)).toBe(true);
      await expect.poll(() => backend.waiting).toBe(4);
      await Promise.all(ids(6).map((id) => gateway.cancel(id)));
      await gateway.kill();
      backend.release();
      await gateway.start();
      for (const id of ids(6))
        await expect.poll(async () => (await gateway.get(id))?.status, { timeout: 10_000 }).toBe('canceled');
      expect(await gateway.result('done')).toContain('done');
      expect(backend.runs.get('done')).toBe(1);
      await world.close();
    }
    tell('killed after cancelling', { kept: repeats, canceled: 6 * repeats });
  });
});
