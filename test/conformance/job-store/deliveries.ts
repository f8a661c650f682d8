import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../src/core/job-store.ts';
import { nextOf } from '../../support/job.ts';
import type { JobStoreSuite } from '../job-store.ts';
import { StoreRig } from './rig.ts';

/** What webhooks are to be told. */
export function describeDeliveries(suite: JobStoreSuite): void {
  describe('deliveries', () => {
    const rig = new StoreRig(suite);

    it('hands out what is due, the earliest first, each once until it is due again', async () => {
      expect(await rig.store.nextDeliveryMs()).toBeNull();
      const [late, early, later] = [delivery('w1', 3_000), delivery('w2', 2_000), delivery('w3', 9_000)];
      await rig.add({ id: 'a' }, { deliveries: [late, early, later] });
      expect(await rig.store.nextDeliveryMs()).toBe(2_000);
      expect(await rig.store.takeDeliveries(1_999, 30_000, 10)).toEqual([]);
      const taken = await rig.store.takeDeliveries(3_000, 30_000, 10);
      expect(taken).toEqual([
        { ...early, dueAtMs: 30_000 },
        { ...late, dueAtMs: 30_000 },
      ]);
      expect(await rig.store.takeDeliveries(3_000, 30_000, 10)).toEqual([]);
      expect(await rig.store.nextDeliveryMs()).toBe(9_000);
      expect((await rig.store.takeDeliveries(30_000, 60_000, 2)).map(({ id }) => id)).toEqual(['w3', 'w1']);
    });

    it('hands each to one of those who ask at once', async () => {
      const due = Array.from({ length: 20 }, (_, i) => delivery(`w${i}`, 2_000));
      await rig.add({ id: 'a' }, { deliveries: due });
      const takers = Array.from({ length: 10 }, () => rig.store.takeDeliveries(2_000, 30_000, 7));
      const taken = (await Promise.all(takers)).flat().map(({ id }) => id);
      expect(taken.toSorted()).toEqual(due.map(({ id }) => id).toSorted());
    });

    it('ends one that was taken, or has it due again with its tries', async () => {
      await rig.add({ id: 'a' }, { deliveries: [delivery('w1', 2_000), delivery('w2', 2_000)] });
      const [first, second] = await rig.store.takeDeliveries(2_000, 30_000, 10);
      expect(await rig.store.settleDelivery(first!, null)).toBe(true);
      const next = { ...second!, attempts: 1, dueAtMs: 5_000 };
      expect(await rig.store.settleDelivery(second!, next)).toBe(true);
      expect(await rig.store.nextDeliveryMs()).toBe(5_000);
      expect(await rig.store.takeDeliveries(5_000, 40_000, 10)).toEqual([{ ...next, dueAtMs: 40_000 }]);
    });

    it('refuses to settle what somebody else took meanwhile, and what is settled already', async () => {
      await rig.add({ id: 'a' }, { deliveries: [delivery('w1', 2_000)] });
      const [slow] = await rig.store.takeDeliveries(2_000, 30_000, 10);
      const [quick] = await rig.store.takeDeliveries(30_000, 60_000, 10);
      expect(await rig.store.settleDelivery(slow!, null)).toBe(false);
      expect(await rig.store.settleDelivery(slow!, { ...slow!, dueAtMs: 1 })).toBe(false);
      expect(await rig.store.nextDeliveryMs()).toBe(60_000);
      expect(await rig.store.settleDelivery(quick!, null)).toBe(true);
      expect(await rig.store.settleDelivery(quick!, { ...quick!, dueAtMs: 1 })).toBe(false);
      expect(await rig.store.nextDeliveryMs()).toBeNull();
    });

    it('removes the deliveries of a job with it, and lets none come back', async () => {
      const job = await rig.add({ id: 'a' }, { deliveries: [delivery('w1', 2_000), delivery('w2', 4_000)] });
      await rig.add({ id: 'b' }, { deliveries: [{ ...delivery('w3', 5_000), jobId: 'b' }] });
      const [taken] = await rig.store.takeDeliveries(2_000, 30_000, 10);
      await rig.remove(job);
      expect(await rig.store.settleDelivery(taken!, { ...taken!, dueAtMs: 1 })).toBe(false);
      expect(await rig.store.nextDeliveryMs()).toBe(5_000);
    });

    it('writes the deliveries of a change that conflicts nowhere', async () => {
      const job = await rig.add({ id: 'a' });
      const late = { id: 'a', expected: 5, next: nextOf(job), deliveries: [delivery('w1', 2_000)] };
      await rig.commitOne(late);
      expect(await rig.store.nextDeliveryMs()).toBeNull();
    });
  });
}

function delivery(id: string, dueAtMs: number): Delivery {
  return { id, jobId: 'a', event: 'completed', createdAtMs: 1_500, dueAtMs, attempts: 0 };
}
