import { describe, expect, it } from 'vitest';
import { aJob, nextOf, storedResult } from '../../support/job.ts';
import type { JobStoreSuite } from '../job-store.ts';
import { StoreRig } from './rig.ts';

/** Versions, conflicts, bytes and idempotency keys. */
export function describeCommits(suite: JobStoreSuite): void {
  describe('commits', () => {
    const rig = new StoreRig(suite);

    it('keeps a job with all its fields', async () => {
      const job = await rig.add({
        id: 'full',
        group: { id: 'batch', index: 7 },
        idempotencyKey: 'jobs app once',
        meta: { nested: { list: [1, null, 'ü\u0000😀'], flag: true } },
        webhook: { url: 'https://example.com/hook', events: ['start', 'completed'] },
        lease: { owner: 'gateway-1', token: 3, untilMs: 2_000 },
        state: 'running',
        error: { code: 'backend_error', message: 'said "no"', status: 500 },
      });
      expect(await rig.store.get('full')).toEqual(job);
    });

    it('has no job that was never committed', async () => {
      expect(await rig.store.get('nobody')).toBeNull();
      expect(await rig.store.body('nobody', 'input')).toBeNull();
    });

    it('gets many in the order asked for, with null where there is none', async () => {
      const first = await rig.add({ id: 'a' });
      const second = await rig.add({ id: 'b' });
      expect(await rig.store.getMany(['b', 'none', 'a', 'b'])).toEqual([second, null, first, second]);
      expect(await rig.store.getMany([])).toEqual([]);
    });

    it('makes the next version where the expected one stands', async () => {
      const job = await rig.add({ id: 'a' });
      const next = await rig.change(job, { state: 'running', startedAtMs: 5 });
      expect(await rig.store.get('a')).toEqual(next);
    });

    it('tells a conflict, with the job as it stands, to who expected another version', async () => {
      const job = await rig.add({ id: 'a' });
      const won = await rig.change(job, { state: 'running' });
      const late = { id: 'a', expected: 1, next: nextOf(job, { state: 'canceled' }) };
      expect(await rig.commitOne(late)).toEqual({ kind: 'conflict', job: won });
      expect(await rig.store.get('a')).toEqual(won);
    });

    it('tells a conflict without a job where it was removed or never was', async () => {
      const job = await rig.add({ id: 'a' });
      await rig.remove(job);
      expect(await rig.commitOne({ id: 'a', expected: 1, next: nextOf(job) })).toEqual({
        kind: 'conflict',
        job: null,
      });
      expect(await rig.commitOne({ id: 'a', expected: 1, next: null })).toEqual({
        kind: 'conflict',
        job: null,
      });
    });

    it('makes no job twice', async () => {
      const job = await rig.add({ id: 'a' });
      const again = { id: 'a', expected: 0, next: aJob({ id: 'a', model: 'other' }) };
      expect(await rig.commitOne(again)).toEqual({ kind: 'conflict', job });
    });

    it('commits several in order, each by itself: one that conflicts stops no other', async () => {
      const outcomes = await rig.store.commit([
        { id: 'a', expected: 0, next: aJob({ id: 'a' }) },
        { id: 'a', expected: 1, next: nextOf(aJob({ id: 'a' }), { state: 'running' }) },
        { id: 'a', expected: 1, next: nextOf(aJob({ id: 'a' }), { state: 'canceled' }) },
        { id: 'b', expected: 0, next: aJob({ id: 'b' }) },
      ]);
      expect(outcomes.map(({ kind }) => kind)).toEqual(['done', 'done', 'conflict', 'done']);
      expect(outcomes[2]).toMatchObject({ job: { state: 'running', version: 2 } });
      expect((await rig.store.getMany(['a', 'b'])).map((job) => job?.state)).toEqual(['running', 'queued']);
    });

    it('commits nothing when asked to commit nothing', async () => {
      expect(await rig.store.commit([])).toEqual([]);
    });

    it('lets one of many writers at once win', async () => {
      const job = await rig.add({ id: 'a' });
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, writer) =>
          rig.commitOne({ id: 'a', expected: 1, next: nextOf(job, { meta: { writer } }) }),
        ),
      );
      const won = outcomes.flatMap(({ kind }, writer) => (kind === 'done' ? [writer] : []));
      expect(won).toHaveLength(1);
      const { meta, version } = (await rig.store.get('a'))!;
      expect({ meta, version }).toEqual({ meta: { writer: won[0] }, version: 2 });
    });

    it('keeps the bytes of a job as they were handed in, whatever becomes of the buffer', async () => {
      const bytes = Buffer.from([0, 255, 1, 13, 10, 128]);
      const job = await rig.add({ id: 'a' }, { input: bytes });
      bytes.fill(7);
      const kept = await rig.store.body('a', 'input');
      expect(Buffer.isBuffer(kept)).toBe(true);
      expect([...kept!]).toEqual([0, 255, 1, 13, 10, 128]);
      await rig.change(job, { state: 'running' });
      expect([...(await rig.store.body('a', 'input'))!]).toEqual([0, 255, 1, 13, 10, 128]);
      expect(await rig.store.body('a', 'output')).toBeNull();
    });

    it('keeps empty bytes apart from none', async () => {
      await rig.add({ id: 'a' }, { input: Buffer.alloc(0) });
      expect(await rig.store.body('a', 'input')).toEqual(Buffer.alloc(0));
    });

    it('lets bytes go that the next version does not name any more', async () => {
      const job = await rig.add({ id: 'a' }, { input: Buffer.from('{}') });
      const ended = await rig.change(
        job,
        { state: 'succeeded', endedAtMs: 2_000, result: storedResult },
        { output: Buffer.from('done') },
      );
      expect(String(await rig.store.body('a', 'output'))).toBe('done');
      const inBlob = { ...job.input, body: { at: 'blob', bytes: 2, blob: 'x' } } as const;
      await rig.change(ended, { state: 'queued', endedAtMs: null, result: null, input: inBlob });
      expect(await rig.store.body('a', 'output')).toBeNull();
      expect(await rig.store.body('a', 'input')).toBeNull();
    });

    it('writes the bytes of a change that conflicts nowhere', async () => {
      const job = await rig.add({ id: 'a' }, { input: Buffer.from('{}') });
      await rig.commitOne({ id: 'a', expected: 9, next: nextOf(job), input: Buffer.from('no') });
      expect(String(await rig.store.body('a', 'input'))).toBe('{}');
    });

    it('tells who comes second with an idempotency key of the job that came first', async () => {
      const job = await rig.add({ id: 'a', idempotencyKey: 'jobs app k' });
      const second = aJob({ id: 'b', idempotencyKey: 'jobs app k' });
      expect(await rig.commitOne({ id: 'b', expected: 0, next: second })).toEqual({ kind: 'conflict', job });
      expect(await rig.store.get('b')).toBeNull();
      await rig.add({ id: 'c', idempotencyKey: 'jobs other k' });
    });

    it('tells two at once with one idempotency key of one job', async () => {
      const [first, second] = await Promise.all(
        ['a', 'b'].map((id) =>
          rig.commitOne({ id, expected: 0, next: aJob({ id, idempotencyKey: 'jobs app k' }) }),
        ),
      );
      expect([first?.kind, second?.kind].sort()).toEqual(['conflict', 'done']);
    });

    it('gives an idempotency key free with its job', async () => {
      const job = await rig.add({ id: 'a', idempotencyKey: 'jobs app k' });
      const next = await rig.change(job, { state: 'canceled', endedAtMs: 2_000 });
      const second = aJob({ id: 'b', idempotencyKey: 'jobs app k' });
      expect((await rig.commitOne({ id: 'b', expected: 0, next: second })).kind).toBe('conflict');
      await rig.remove(next);
      expect((await rig.commitOne({ id: 'b', expected: 0, next: second })).kind).toBe('done');
    });

    it('removes a job with its bytes, and makes it anew without them', async () => {
      const job = await rig.add({ id: 'a' }, { input: Buffer.from('{}') });
      await rig.remove(job);
      expect(await rig.store.get('a')).toBeNull();
      expect(await rig.store.body('a', 'input')).toBeNull();
      await rig.add({ id: 'a' });
      expect(await rig.store.body('a', 'input')).toBeNull();
    });
  });
}
