import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStartStore } from '../../src/discovery/start-store.ts';
import { FakeLeadership } from '../support/fake-leadership.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startCluster } from './rig.ts';

const { signal } = new AbortController();
const path = '/api/v1/namespaces/gateway/configmaps/pilotlight-starts';
let cluster: Awaited<ReturnType<typeof startCluster>>;
let clock: ManualClock;
let leadership: FakeLeadership;
let faults: string[];

beforeEach(async () => {
  cluster = await startCluster();
  clock = new ManualClock();
  leadership = new FakeLeadership();
  faults = [];
});
afterEach(() => cluster.close());

const store = () =>
  createStartStore({
    ...{ api: cluster.api, clock, leadership, namespace: 'gateway', name: 'pilotlight-starts' },
    onFault: ({ message }) => faults.push(message),
  });
const data = () => (cluster.server.get(path) as { data?: Record<string, string> } | undefined)?.data ?? {};

it('keeps starts across a restart, whatever the model is called', async () => {
  cluster.server.put(path, {});
  const keys = ['llama-3.1-8b/default', '..odd/ä b', `${'x'.repeat(400)}/default`];
  const first = store();
  for (const key of keys) first.save(key, [1, 2]);
  await clock.advance(10_000);
  await expect.poll(() => Object.keys(data()).length).toBe(3);
  for (const key of Object.keys(data())) expect(key).toMatch(/^(?!\.)[-._a-zA-Z0-9]{1,253}$/);
  expect([...(await store().load(signal)).keys()].sort()).toEqual(keys.sort());
});

it('reads past what somebody else wrote', async () => {
  const good = JSON.stringify({ key: 'a/b', savedAtMs: 1, samples: [3] });
  cluster.server.put(path, { data: { a_2fb: good, x: good, y: '{', z: 'null', w: '{"key":7}' } });
  expect([...(await store().load(signal))]).toEqual([['a/b', [3]]]);
  expect(faults).toEqual([]);
});

it('drops the models saved the longest ago past 900 KiB', async () => {
  cluster.server.put(path, {});
  const starts = store();
  for (let n = 0; n < 12; n++) {
    clock.advanceSync(1);
    starts.save(`m${n}/r`, 'x'.repeat(100 * 1024));
  }
  await starts.flush(signal);
  const kept = Object.keys(data());
  expect(kept.length).toBe(8);
  expect(kept.includes('m0_2fr') || !kept.includes('m11_2fr')).toBe(false);
});

it('drops nothing when one model is saved over and over, in place of what was read too', async () => {
  cluster.server.put(path, {});
  const before = store();
  for (const key of ['big/r', 'other/r']) before.save(key, 'x'.repeat(300 * 1024));
  await before.flush(signal);
  const starts = store();
  await starts.load(signal);
  for (let n = 0; n < 5; n++) starts.save('big/r', 'y'.repeat(300 * 1024));
  await starts.flush(signal);
  expect(Object.keys(data()).sort()).toEqual(['big_2fr', 'other_2fr']);
});

it('goes on without the ConfigMap and says so once, and writes nothing while another leads', async () => {
  const starts = store();
  expect((await starts.load(signal)).size).toBe(0);
  starts.save('a/b', [1]);
  await starts.flush(signal);
  starts.save('a/b', [2]);
  await starts.flush(signal);
  expect(faults.length).toBe(2);
  cluster.server.put(path, {});
  leadership.lose();
  await starts.flush(signal);
  expect(data()).toEqual({});
  leadership.gain();
  await starts.flush(signal);
  expect(Object.keys(data())).toEqual(['a_2fb']);
});

it('writes again by itself what could not be written, ever more seldom, until it is', async () => {
  const starts = store();
  starts.save('a/b', [1]);
  const writes = () => cluster.server.requests.filter(({ verb }) => verb === 'patch').length;
  for (const waitMs of [10_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
    const before = writes();
    await clock.advance(waitMs - 1);
    expect(writes()).toBe(before);
    await clock.advance(1);
    await expect.poll(writes).toBe(before + 1);
    // The next timer is set once the refusal is here.
    await expect.poll(() => clock.pendingTimers).toBe(1);
  }
  cluster.server.put(path, {});
  await clock.advance(300_000);
  await expect.poll(() => Object.keys(data())).toEqual(['a_2fb']);
  expect(clock.pendingTimers).toBe(0);
  starts.save('c/d', [1]);
  await clock.advance(10_000);
  await expect.poll(() => Object.keys(data()).length).toBe(2);
});

it('tries nothing again after the last write', async () => {
  const starts = store();
  starts.save('a/b', [1]);
  await starts.flush(signal);
  expect([clock.pendingTimers, faults.length]).toEqual([0, 1]);
});
