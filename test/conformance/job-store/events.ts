import { describe, expect, it } from 'vitest';
import { type JobEvent, keptEvents } from '../../../src/core/job.ts';
import { aJob, nextOf } from '../../support/job.ts';
import type { JobStoreSuite } from '../job-store.ts';
import { StoreRig } from './rig.ts';

/** Events of jobs, and the notes of what was committed. */
export function describeEvents(suite: JobStoreSuite): void {
  describe('events', () => {
    const rig = new StoreRig(suite);

    it('keeps the events of a job in order, with all they say', async () => {
      const [first, ...more] = outputs(1, 4);
      const job = await rig.add({ id: 'a', lastSeq: 1 }, { events: [first!] });
      await rig.change(job, { lastSeq: 4 }, { events: more });
      expect(await rig.store.events('a', 0, 100)).toEqual(outputs(1, 4));
      expect(await rig.store.events('a', 2, 100)).toEqual(outputs(3, 4));
      expect(await rig.store.events('a', 1, 2)).toEqual(outputs(2, 3));
      expect(await rig.store.events('a', 4, 100)).toEqual([]);
      expect(await rig.store.events('nobody', 0, 100)).toEqual([]);
    });

    it('keeps text of any kind as it was', async () => {
      const data = 'line\r\nline\u0000 "ü" 😀 \u2028';
      const event: JobEvent = { seq: 1, atMs: 5, type: 'logs', data };
      await rig.add({ id: 'a', lastSeq: 1 }, { events: [event] });
      expect(await rig.store.events('a', 0, 1)).toEqual([event]);
    });

    it('keeps the last 1,024 of a job', async () => {
      const job = await rig.add({ id: 'a', lastSeq: 1_000 }, { events: outputs(1, 1_000) });
      const next = await rig.change(job, { lastSeq: 1_030 }, { events: outputs(1_001, 1_030) });
      expect(await rig.store.events('a', 0, 5_000)).toEqual(outputs(7, 1_030));
      await rig.change(next, { lastSeq: 3_000 }, { events: outputs(1_031, 3_000) });
      expect(await rig.store.events('a', 1_500, 5_000)).toEqual(outputs(3_000 - keptEvents + 1, 3_000));
      expect(await rig.store.events('a', 0, 2)).toEqual(outputs(1_977, 1_978));
    });

    it('writes the events of a change that conflicts nowhere', async () => {
      const job = await rig.add({ id: 'a' });
      await rig.commitOne({ id: 'a', expected: 5, next: nextOf(job), events: outputs(1, 1) });
      expect(await rig.store.events('a', 0, 10)).toEqual([]);
    });

    it('removes the events of a job with it', async () => {
      await rig.remove(await rig.add({ id: 'a', lastSeq: 3 }, { events: outputs(1, 3) }));
      expect(await rig.store.events('a', 0, 10)).toEqual([]);
      await rig.add({ id: 'a' });
      expect(await rig.store.events('a', 0, 10)).toEqual([]);
    });
  });

  describe('watching', () => {
    const rig = new StoreRig(suite);

    it('tells of each commit what it made, its removal included, in order', async () => {
      const notes = rig.notes();
      const job = await rig.add({ id: 'a', group: { id: 'batch', index: 0 } });
      const running = await rig.change(job, { state: 'running', isCancelRequested: true, lastSeq: 2 });
      await rig.remove(running);
      const same = { id: 'a', model: 'llama', group: 'batch' };
      await expect.poll(() => notes).toContainEqual(expect.objectContaining({ version: 3 }));
      expect(withoutRepetitions(notes)).toEqual([
        { ...same, version: 1, state: 'queued', isCancelRequested: false, lastSeq: 0 },
        { ...same, version: 2, state: 'running', isCancelRequested: true, lastSeq: 2 },
        { ...same, version: 3, state: null, isCancelRequested: true, lastSeq: 2 },
      ]);
    });

    it('tells nothing of a conflict', async () => {
      await rig.add({ id: 'a' });
      const notes = rig.notes();
      await rig.commitOne({ id: 'a', expected: 0, next: aJob({ id: 'a', model: 'other' }) });
      await rig.add({ id: 'b' });
      await expect.poll(() => notes).toContainEqual(expect.objectContaining({ id: 'b' }));
      expect(notes.filter(({ model }) => model === 'other')).toEqual([]);
    });

    it('has what it told of', async () => {
      const seen: Promise<unknown>[] = [];
      rig.store.watch(({ id }) => seen.push(rig.store.get(id)));
      const job = await rig.add({ id: 'a' });
      await expect.poll(() => seen.length).toBeGreaterThan(0);
      expect(await seen[0]).toEqual(job);
    });

    it('tells several listeners, and none that has ended', async () => {
      const [first, second] = [rig.notes(), rig.notes()];
      const third: unknown[] = [];
      const end = rig.store.watch((note) => third.push(note));
      end();
      end();
      await rig.add({ id: 'a' });
      await expect.poll(() => [first.length, second.length].every((count) => count > 0)).toBe(true);
      expect(third).toEqual([]);
    });
  });
}

function outputs(from: number, to: number): JobEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    seq: from + i,
    atMs: 2_000 + from + i,
    type: 'output',
    data: `piece ${from + i}`,
  }));
}

/** A note may come again, and then nothing older after it. */
function withoutRepetitions<Note extends { readonly version: number }>(notes: readonly Note[]): Note[] {
  return notes.filter(({ version }, i) => notes.findIndex((note) => note.version === version) === i);
}
