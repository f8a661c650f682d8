import { describe, expect, it } from 'vitest';
import { aJob, unlimited } from '../../support/job.ts';
import type { JobStoreSuite } from '../job-store.ts';
import { StoreRig } from './rig.ts';

/** What can be claimed, what is due, and how many wait. */
export function describeQueues(suite: JobStoreSuite): void {
  describe('queues', () => {
    const rig = new StoreRig(suite);

    it('hands out rank by rank, within a rank by arrival, then by id', async () => {
      await rig.add({ id: 'late', queuedAtMs: 1_003 });
      await rig.add({ id: 'b', queuedAtMs: 1_001 });
      await rig.add({ id: 'a', queuedAtMs: 1_001 });
      await rig.add({ id: 'low', queuedAtMs: 900, priority: 'low' });
      await rig.add({ id: 'high', queuedAtMs: 1_005, priority: 'high' });
      await rig.add({ id: 'elsewhere', queuedAtMs: 1, model: 'qwen' });
      expect(await rig.store.head('llama', 2, 10)).toEqual(['high', 'a', 'b', 'late', 'low']);
      expect(await rig.store.head('llama', 1, 10)).toEqual(['high', 'a', 'b', 'late']);
      expect(await rig.store.head('llama', 0, 10)).toEqual(['high']);
      expect(await rig.store.head('llama', 2, 2)).toEqual(['high', 'a']);
      expect(await rig.store.head('llama', 2, 0)).toEqual([]);
      expect(await rig.store.head('nobody', 2, 10)).toEqual([]);
    });

    it('orders by number, not by digits', async () => {
      await rig.add({ id: 'second', queuedAtMs: 1_000_000_000_000 });
      await rig.add({ id: 'first', queuedAtMs: 999_999_999_999 });
      expect(await rig.store.head('llama', 2, 10)).toEqual(['first', 'second']);
    });

    it('takes a job out of its queue when it runs, waits or ends, and back when it may be claimed again', async () => {
      const queued = await rig.add({ id: 'a' });
      const lease = { owner: 'gateway-1', token: 1, untilMs: 9_000 };
      const running = await rig.change(queued, { state: 'running', lease });
      expect(await rig.store.head('llama', 2, 10)).toEqual([]);
      const waiting = await rig.change(running, { state: 'queued', lease: null, notBeforeMs: 5_000 });
      expect(await rig.store.head('llama', 2, 10)).toEqual([]);
      const again = await rig.change(waiting, { notBeforeMs: null, priority: 'high' });
      expect(await rig.store.head('llama', 0, 10)).toEqual(['a']);
      const ended = await rig.change(again, { state: 'canceled', endedAtMs: 6_000 });
      expect(await rig.store.head('llama', 2, 10)).toEqual([]);
      await rig.remove(ended);
      expect(await rig.store.head('llama', 2, 10)).toEqual([]);
    });

    it('lists what is due, the earliest first, and the next instant of all', async () => {
      expect(await rig.store.nextDueMs()).toBeNull();
      await rig.add({ id: 'never' });
      expect(await rig.store.nextDueMs()).toBeNull();
      await rig.add({ id: 'b', limits: { ...unlimited, beginByMs: 3_000 } });
      await rig.add({ id: 'c', limits: { ...unlimited, endByMs: 4_000 } });
      await rig.add({ id: 'a', limits: { ...unlimited, beginByMs: 3_000 } });
      expect(await rig.store.nextDueMs()).toBe(3_000);
      expect(await rig.store.due(2_999, 10)).toEqual([]);
      expect(await rig.store.due(3_000, 10)).toEqual(['a', 'b']);
      expect(await rig.store.due(3_000, 1)).toEqual(['a']);
      expect(await rig.store.due(10_000, 10)).toEqual(['a', 'b', 'c']);
    });

    it('moves what is due with each version', async () => {
      const job = await rig.add({ id: 'a', limits: { ...unlimited, beginByMs: 3_000 } });
      const lease = { owner: 'gateway-1', token: 1, untilMs: 9_000 };
      const running = await rig.change(job, { state: 'running', lease });
      expect(await rig.store.nextDueMs()).toBe(9_000);
      const renewed = await rig.change(running, { lease: { ...lease, untilMs: 12_000 } });
      expect(await rig.store.nextDueMs()).toBe(12_000);
      const ended = await rig.change(renewed, { state: 'failed', lease: null, endedAtMs: 10_000 });
      expect(await rig.store.nextDueMs()).toBe(70_000);
      await rig.remove(ended);
      expect(await rig.store.nextDueMs()).toBeNull();
    });

    it('counts what waits by model and rank, those that wait for their next attempt included', async () => {
      expect(await rig.store.backlog()).toEqual([]);
      const job = await rig.add({ id: 'a', priority: 'high' });
      await rig.add({ id: 'b', notBeforeMs: 5_000 });
      await rig.add({ id: 'c' });
      await rig.add({ id: 'd', model: 'qwen', priority: 'low' });
      await rig.add({ id: 'e', model: 'phi', state: 'running' });
      const byModel = async () =>
        Object.fromEntries((await rig.store.backlog()).map(({ model, byRank }) => [model, byRank]));
      expect(await byModel()).toEqual({ llama: [1, 2, 0], qwen: [0, 0, 1] });
      const running = await rig.change(job, { state: 'running' });
      expect(await byModel()).toEqual({ llama: [0, 2, 0], qwen: [0, 0, 1] });
      await rig.remove(running);
      await rig.remove((await rig.store.get('d'))!);
      expect(await byModel()).toEqual({ llama: [0, 2, 0] });
    });

    it('counts jobs by state, of a model and of a group', async () => {
      expect(await rig.store.counts({ model: 'llama' })).toEqual({});
      const job = await rig.add({ id: 'a', group: { id: 'batch', index: 0 } });
      await rig.add({ id: 'b', group: { id: 'batch', index: 1 }, model: 'qwen' });
      await rig.add({ id: 'c', tenant: 'other' });
      expect(await rig.store.counts({ model: 'llama' })).toEqual({ queued: 2 });
      expect(await rig.store.counts({ group: 'batch' })).toEqual({ queued: 2 });
      const running = await rig.change(job, { state: 'running' });
      expect(await rig.store.counts({ model: 'llama' })).toEqual({ queued: 1, running: 1 });
      expect(await rig.store.counts({ group: 'batch' })).toEqual({ queued: 1, running: 1 });
      await rig.remove(running);
      expect(await rig.store.counts({ model: 'llama' })).toEqual({ queued: 1 });
      expect(await rig.store.counts({ group: 'batch' })).toEqual({ queued: 1 });
    });

    it('keeps a model and a group of the same name apart', async () => {
      await rig.add({ id: 'a', model: 'same' });
      expect(await rig.store.counts({ group: 'same' })).toEqual({});
    });

    it('hands out and counts thousands in order', async () => {
      const ids = Array.from({ length: 3_000 }, (_, i) => `job-${String((i * 7) % 3_000).padStart(5, '0')}`);
      const jobs = ids.map((id) => aJob({ id, queuedAtMs: Number(id.slice(4)) }));
      await rig.store.commit(jobs.map((next) => ({ id: next.id, expected: 0, next })));
      await rig.add({ id: 'last', queuedAtMs: 9_999 });
      const sorted = [...ids].sort();
      expect(await rig.store.head('llama', 2, 5_000)).toEqual([...sorted, 'last']);
      expect(await rig.store.backlog()).toEqual([{ model: 'llama', byRank: [0, 3_001, 0] }]);
    });
  });
}
