import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hasRedis, RedisServer } from '../support/redis-server.ts';
import { viewOf, World } from '../support/world.ts';
import { DrilledGateway, NotingBackend } from './drilled-gateway.ts';
import { allSucceed } from './outcomes.ts';
import { repeats, tell } from './repeats.ts';

const world = new World();
afterEach(() => world.close());

const timeout = 60_000 * repeats;
const ids = (count: number) => Array.from({ length: count }, (_, n) => `job-${n}`);

/** A Redis whose log goes to disk with each change, a backend, and gateways that share both and the folder of large bodies. */
async function rig() {
  const stateDir = mkdtempSync(join(tmpdir(), 'pilotlight-drill-blobs-'));
  world.onClose(() => rmSync(stateDir, { recursive: true, force: true }));
  const redis = await RedisServer.start({ appendfsync: 'always' });
  world.onClose(() => redis.stop());
  const backend = new NotingBackend();
  const backendUrl = await backend.listen(world);
  const start = async () => {
    const gateway = new DrilledGateway(world, { backendUrl, store: redis.url, stateDir });
    await gateway.start();
    return gateway;
  };
  return { redis, backend, start };
}

describe.runIf(hasRedis)('jobs in Redis', () => {
  it('outlive kill -9 of the gateway, queued and running', { timeout }, async () => {
    const counted = { acknowledged: 0, succeeded: 0, 'run again': 0 };
    for (let round = 0; round < repeats; round++) {
      const { backend, start } = await rig();
      const gateway = await start();
      backend.hold();
      const accepted: string[] = [];
      const puts = ids(30).map(async (id) => (await gateway.put(id)) && accepted.push(id));
      await expect.poll(() => backend.waiting).toBe(4);
      await expect.poll(() => accepted.length).toBeGreaterThanOrEqual(10 + (round % 10));
      await gateway.kill();
      await Promise.all(puts);
      backend.release();
      await gateway.start();
      const { succeeded, again } = await allSucceed(gateway, backend, accepted);
      counted.acknowledged += accepted.length;
      counted.succeeded += succeeded;
      counted['run again'] += again;
      // Those that ran at the kill, and no other.
      expect(again).toBeLessThanOrEqual(4);
      await world.close();
    }
    tell('on Redis, gateway killed while queued and running', counted);
  });

  it('outlive kill -9 of Redis, and the gateway goes on by itself', { timeout }, async () => {
    const counted = { acknowledged: 0, refused: 0, succeeded: 0, 'run again': 0 };
    for (let round = 0; round < repeats; round++) {
      const { backend, redis, start } = await rig();
      const gateway = await start();
      const accepted: string[] = [];
      let isOver = false;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; !isOver; n++) {
          const id = `job-${writer}-${n}`;
          if (await gateway.put(id)) accepted.push(id);
          else counted.refused++;
        }
      });
      await expect.poll(() => accepted.length, { interval: 1 }).toBeGreaterThan(30 + (round % 20));
      await redis.kill();
      const before = accepted.length;
      await expect.poll(() => gateway.get(accepted[0]!)).toBeNull();
      await redis.restart();
      await expect.poll(() => accepted.length).toBeGreaterThan(before + 30);
      isOver = true;
      await Promise.all(writers);
      const { succeeded, again } = await allSucceed(gateway, backend, accepted);
      counted.acknowledged += accepted.length;
      counted.succeeded += succeeded;
      counted['run again'] += again;
      await world.close();
    }
    tell('Redis killed under a gateway', counted);
    expect(counted.succeeded).toBe(counted.acknowledged);
  });

  it('of a gateway that stood still beyond its lease are ended by another, and not once more by it', {
    timeout,
  }, async () => {
    const counted = { acknowledged: 0, succeeded: 0, 'late answers refused': 0 };
    for (let round = 0; round < repeats; round++) {
      const { backend, start } = await rig();
      const still = await start();
      backend.hold();
      for (const id of ids(4)) expect(await still.put(id)).toBe(true);
      await expect.poll(() => backend.waiting).toBe(4);
      const other = await start();
      still.served.kill('SIGSTOP');
      world.onClose(() => still.served.kill('SIGCONT'));
      // Both run all of them now, and get their answers; those of the first wait in its sockets.
      await expect.poll(() => backend.waiting).toBe(8);
      backend.release();
      counted.succeeded += (await allSucceed(other, backend, ids(4))).succeeded;
      const shown = await Promise.all(ids(4).map((id) => other.get(id)));
      still.served.kill('SIGCONT');
      await expect.poll(async () => (await viewOf(still.served)).inFlight).toBe(0);
      // It is in its right mind: it takes a job, which ends.
      expect(await still.put('after')).toBe(true);
      await allSucceed(still, backend, ['after']);
      expect(await Promise.all(ids(4).map((id) => other.get(id)))).toEqual(shown);
      for (const id of ids(4)) {
        expect(JSON.parse(await still.result(id))).toMatchObject({ run: 2 });
        expect(backend.runs.get(id)).toBe(2);
        counted['late answers refused']++;
      }
      counted.acknowledged += 4;
      await world.close();
    }
    tell('two gateways with one lease', counted);
  });
});
