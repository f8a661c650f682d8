import { describe, expect, it } from 'vitest';
import type { JobStore } from '../../../src/core/job-store.ts';
import { storedResult, unlimited } from '../../support/job.ts';
import type { JobStoreSuite } from '../job-store.ts';
import { StoreRig } from './rig.ts';

/** Time, the end of a store, and what is there when it is opened again. */
export function describeLife(suite: JobStoreSuite): void {
  describe('life', () => {
    const rig = new StoreRig(suite);

    it('tells the time in whole milliseconds since the epoch, and never backwards', () => {
      let lastMs = rig.store.nowMs();
      expect(lastMs).toBeGreaterThan(1_600_000_000_000);
      for (let i = 0; i < 1_000; i++) {
        const nowMs = rig.store.nowMs();
        expect(Number.isSafeInteger(nowMs) && nowMs >= lastMs).toBe(true);
        lastMs = nowMs;
      }
    });

    it('answers nothing but store_unavailable when it was closed, and closes twice', async () => {
      await rig.add({ id: 'a' });
      await rig.store.close();
      await rig.store.close();
      const gone = { code: 'store_unavailable' };
      await expect(rig.store.get('a')).rejects.toMatchObject(gone);
      await expect(rig.store.commit([{ id: 'a', expected: 1, next: null }])).rejects.toMatchObject(gone);
      await expect(rig.store.documents.get('file', 'a')).rejects.toMatchObject(gone);
    });

    it('ends what was asked for before it was closed', async () => {
      const asked = [rig.add({ id: 'a' }), rig.add({ id: 'b' }), rig.store.get('a')];
      await rig.store.close();
      await Promise.all(asked);
    });

    it.runIf(suite.isDurable)('has everything that was committed when it is opened again', async () => {
      const waiting = await rig.add(
        { id: 'a', idempotencyKey: 'jobs app k', limits: { ...unlimited, beginByMs: 3_000 } },
        { input: Buffer.from('{}') },
      );
      const member = await rig.add({ id: 'b', group: { id: 'batch', index: 4 } });
      const state = { seq: 1, atMs: 2, type: 'state', data: 'succeeded' } as const;
      const hook = {
        id: 'w',
        jobId: 'b',
        event: 'completed',
        createdAtMs: 2,
        dueAtMs: 2,
        attempts: 0,
      } as const;
      const ended = await rig.change(
        member,
        { state: 'succeeded', endedAtMs: 2_000, result: storedResult, lastSeq: 1 },
        { output: Buffer.from('done'), events: [state], deliveries: [hook] },
      );
      await rig.remove(await rig.add({ id: 'c' }));
      const file = { kind: 'file', id: 'f', tenant: 'app', createdAtMs: 1, expiresAtMs: 5, data: { a: 1 } };
      await rig.store.documents.put(file, 0);
      const before = await everything(rig.store);
      const store = await rig.harness.reopen!();
      expect(await everything(store)).toEqual(before);
      expect(await store.getMany(['a', 'b', 'c'])).toEqual([waiting, ended, null]);
      const again = { ...waiting, id: 'd' };
      expect(await store.commit([{ id: 'd', expected: 0, next: again }])).toEqual([
        { kind: 'conflict', job: waiting },
      ]);
    });
  });
}

async function everything(store: JobStore): Promise<readonly unknown[]> {
  return Promise.all([
    store.list({ tenant: 'app', limit: 10 }),
    store.body('a', 'input'),
    store.body('b', 'output'),
    store.events('b', 0, 10),
    store.head('llama', 2, 10),
    store.due(100_000, 10),
    store.nextDueMs(),
    store.counts({ model: 'llama' }),
    store.counts({ group: 'batch' }),
    store.backlog(),
    store.groupMembers('batch', 0, 10),
    store.nextDeliveryMs(),
    store.documents.list({ kind: 'file', tenant: 'app', limit: 10 }),
    store.documents.expired(10, 10),
  ]);
}
