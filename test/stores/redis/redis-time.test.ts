import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { RedisRig } from './rig.ts';

const hourMs = 3_600_000;

describe.runIf(hasRedis)('the time of Redis', () => {
  let rig: RedisRig;
  beforeAll(async () => {
    rig = await RedisRig.start();
  });
  beforeEach(() => rig.server.command('FLUSHALL'));
  afterAll(() => rig.stop());

  const open = async () => {
    const clock = new ManualClock();
    return { clock, store: await rig.open(rig.server.url, clock) };
  };
  const redisMs = async () => {
    const [seconds, micros] = (await rig.server.command('TIME')) as [string, string];
    return Number(seconds) * 1_000 + Number(micros) / 1_000;
  };
  const kept = async (name: string) => Number(await rig.server.command('HGET', '{pilotlight}:time', name));
  /** As if the clock of Redis were set forward: what was asked before is long ago, and it is later than it should be. */
  const jump = async (byMs: number) => {
    await rig.server.command('HINCRBYFLOAT', '{pilotlight}:time', 'correction', byMs);
    await rig.server.command('HINCRBYFLOAT', '{pilotlight}:time', 'askedAt', -byMs);
  };

  it('is the same for all who share it, whatever their own clocks say', async () => {
    const [first, second] = [await open(), await open()];
    const nowMs = await redisMs();
    expect(Math.abs(first.store.nowMs() - nowMs)).toBeLessThan(500);
    expect(Math.abs(second.store.nowMs() - nowMs)).toBeLessThan(500);
  });

  it('goes on by the monotonic clock of who asks', async () => {
    const { clock, store } = await open();
    const beforeMs = store.nowMs();
    await clock.advance(1_234);
    expect(store.nowMs() - beforeMs).toBe(1_234);
  });

  it.each([hourMs, -hourMs])('stays steady for all when the clock of Redis jumps by %d ms', async (byMs) => {
    const { clock, store } = await open();
    await clock.advance(5_000);
    await expect.poll(() => kept('askedAt')).toBeGreaterThan(0);
    const beforeMs = store.nowMs();
    await jump(byMs);
    await clock.advance(5_000);
    await expect.poll(async () => Math.abs(await kept('correction'))).toBeLessThan(60_000);
    expect(Math.abs(store.nowMs() - beforeMs - 5_000)).toBeLessThan(1_000);
    const newcomer = await open();
    expect(Math.abs(newcomer.store.nowMs() - store.nowMs())).toBeLessThan(1_000);
  });

  it('is followed by one who stood still while others did not', async () => {
    const { clock, store } = await open();
    await clock.advance(5_000);
    await expect.poll(() => kept('askedAt')).toBeGreaterThan(0);
    const beforeMs = store.nowMs();
    await rig.server.command('HSET', '{pilotlight}:time', 'correction', 60_000, 'askedAt', await redisMs());
    await clock.advance(5_000);
    await expect.poll(() => store.nowMs() - beforeMs).toBeGreaterThan(40_000);
    expect(await kept('correction')).toBeGreaterThan(59_000);
  });

  it('forgets a correction when nobody was there for a minute', async () => {
    const nowMs = await redisMs();
    const fields = ['correction', hourMs, 'askedAt', nowMs - 61_000];
    await rig.server.command('HSET', '{pilotlight}:time', ...fields);
    const { store } = await open();
    expect(Math.abs(store.nowMs() - nowMs)).toBeLessThan(5_000);
    expect(await kept('correction')).toBe(0);
  });
});
