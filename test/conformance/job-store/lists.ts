import { describe, expect, it } from 'vitest';
import type { JobQuery } from '../../../src/core/job-store.ts';
import type { JobStoreSuite } from '../job-store.ts';
import { StoreRig } from './rig.ts';

/** Pages of jobs, and the members of a group. */
export function describeLists(suite: JobStoreSuite): void {
  describe('lists', () => {
    const rig = new StoreRig(suite);
    const idsOf = async (query: JobQuery) => (await rig.store.list(query)).jobs.map(({ id }) => id);

    it('lists the jobs of one tenant, the newest first, then by id', async () => {
      await rig.add({ id: 'old', createdAtMs: 1_000 });
      await rig.add({ id: 'a', createdAtMs: 2_000 });
      await rig.add({ id: 'b', createdAtMs: 2_000 });
      await rig.add({ id: 'theirs', createdAtMs: 1_500, tenant: 'other' });
      await rig.add({ id: 'nameless', createdAtMs: 1_500, tenant: '' });
      expect(await idsOf({ tenant: 'app', limit: 10 })).toEqual(['b', 'a', 'old']);
      expect(await idsOf({ tenant: '', limit: 10 })).toEqual(['nameless']);
      expect(await idsOf({ tenant: 'nobody', limit: 10 })).toEqual([]);
    });

    it('lists by surface, model and state', async () => {
      await rig.add({ id: 'a', createdAtMs: 1, surface: 'runpod' });
      await rig.add({ id: 'b', createdAtMs: 2, model: 'qwen', state: 'running' });
      await rig.add({ id: 'c', createdAtMs: 3, surface: 'runpod', state: 'succeeded', endedAtMs: 9 });
      await rig.add({
        id: 'd',
        createdAtMs: 4,
        surface: 'runpod',
        model: 'qwen',
        state: 'failed',
        endedAtMs: 9,
      });
      const among = (query: Partial<JobQuery>) => idsOf({ tenant: 'app', limit: 10, ...query });
      expect(await among({ surface: 'runpod' })).toEqual(['d', 'c', 'a']);
      expect(await among({ model: 'qwen' })).toEqual(['d', 'b']);
      expect(await among({ states: ['queued', 'running'] })).toEqual(['b', 'a']);
      expect(await among({ states: [] })).toEqual([]);
      expect(await among({ surface: 'runpod', model: 'llama', states: ['succeeded'] })).toEqual(['c']);
    });

    it('pages through all, each once, whatever is added at the front or removed meanwhile', async () => {
      const jobs = [];
      for (let i = 0; i < 7; i++) jobs.push(await rig.add({ id: `job-${i}`, createdAtMs: 1_000 + (i >> 1) }));
      const first = await rig.store.list({ tenant: 'app', limit: 3 });
      expect(first.jobs.map(({ id }) => id)).toEqual(['job-6', 'job-5', 'job-4']);
      await rig.add({ id: 'newer', createdAtMs: 5_000 });
      await rig.remove(jobs[4]!);
      const second = await rig.store.list({ tenant: 'app', limit: 3, before: first.next! });
      expect(second.jobs.map(({ id }) => id)).toEqual(['job-3', 'job-2', 'job-1']);
      const third = await rig.store.list({ tenant: 'app', limit: 3, before: second.next! });
      expect(third.jobs.map(({ id }) => id)).toEqual(['job-0']);
      expect(third.next).toBeNull();
    });

    it('has no page after a last one that is full', async () => {
      for (const id of ['a', 'b']) await rig.add({ id });
      const page = await rig.store.list({ tenant: 'app', limit: 2 });
      expect(page.jobs).toHaveLength(2);
      expect(page.next).toBeNull();
    });

    it('pages through those that a filter lets through', async () => {
      for (let i = 0; i < 50; i++)
        await rig.add({ id: `job-${i}`, createdAtMs: i, surface: i % 10 === 0 ? 'runpod' : 'jobs' });
      const first = await rig.store.list({ tenant: 'app', surface: 'runpod', limit: 3 });
      expect(first.jobs.map(({ id }) => id)).toEqual(['job-40', 'job-30', 'job-20']);
      const second = await rig.store.list({
        tenant: 'app',
        surface: 'runpod',
        limit: 3,
        before: first.next!,
      });
      expect(second.jobs.map(({ id }) => id)).toEqual(['job-10', 'job-0']);
      expect(second.next).toBeNull();
    });

    it('answers what is no cursor with an empty page', async () => {
      await rig.add({ id: 'a' });
      for (const before of ['', 'nonsense', '%00', 'x'.repeat(5_000)])
        expect(await rig.store.list({ tenant: 'app', limit: 3, before })).toEqual({ jobs: [], next: null });
    });

    it('lists the members of a group by their index', async () => {
      const byId = new Map<string, unknown>();
      for (const index of [10, 2, 0, 1, 9])
        byId.set(`row-${index}`, await rig.add({ id: `row-${index}`, group: { id: 'batch', index } }));
      await rig.add({ id: 'else', group: { id: 'batch-2', index: 0 } });
      const members = await rig.store.groupMembers('batch', 0, 10);
      expect(members).toEqual([0, 1, 2, 9, 10].map((index) => byId.get(`row-${index}`)));
      expect((await rig.store.groupMembers('batch', 2, 2)).map(({ id }) => id)).toEqual(['row-2', 'row-9']);
      expect(await rig.store.groupMembers('batch', 11, 10)).toEqual([]);
      await rig.remove((await rig.store.get('row-2'))!);
      expect((await rig.store.groupMembers('batch', 2, 1)).map(({ id }) => id)).toEqual(['row-9']);
    });
  });
}
