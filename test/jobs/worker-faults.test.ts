import type { ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import type { JobStore } from '../../src/core/job-store.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { answerJson } from '../support/backend.ts';
import { fixedModel } from '../support/world.ts';
import { PumpRigs } from './pump-rig.ts';

const rigs = new PumpRigs();
afterEach(() => rigs.close());

/** A store that cannot be asked while `isDown`. */
function failingStore(): { readonly store: JobStore; isDown: boolean } {
  const store = openMemoryStore({ clock: systemClock });
  const kept = {
    isDown: false,
    store: new Proxy(store, {
      get(target, name) {
        const found = Reflect.get(target, name, target) as unknown;
        if (typeof found !== 'function') return found;
        const isKept = ['nowMs', 'watch', 'close'].includes(String(name));
        return (...args: unknown[]) =>
          kept.isDown && !isKept
            ? Promise.reject(new PilotlightError('store_unavailable', 'the store is away'))
            : (found as (...given: unknown[]) => unknown).apply(target, args);
      },
    }),
  };
  return kept;
}

it('an end that cannot be written is written when the store is back, once', async () => {
  const kept = failingStore();
  const held: ServerResponse[] = [];
  const backend = await rigs.backend((res) => held.push(res));
  const rig = await rigs.open(fixedModel([backend.url]), {}, kept.store);
  const job = await rig.create();
  await expect.poll(() => held.length).toBe(1);
  kept.isDown = true;
  answerJson(held[0]!, undefined as never, '');
  await expect.poll(() => rig.path.accesses.length).toBe(1);
  await expect.poll(() => rig.faults.length).toBeGreaterThan(0);
  kept.isDown = false;
  expect(await rig.ended(job)).toMatchObject({ state: 'succeeded', attempts: 1 });
  await rig.pump.ended();
  expect(backend.seen).toHaveLength(1);
});

it('a worker that cannot renew its lease aborts the run when the lease has run out', async () => {
  const kept = failingStore();
  const closed: boolean[] = [];
  const backend = await rigs.backend((res) => res.on('close', () => closed.push(res.writableFinished)));
  const rig = await rigs.open(fixedModel([backend.url]), { leaseMs: 300 }, kept.store);
  const job = await rig.create();
  await expect.poll(() => backend.seen.length).toBe(1);
  kept.isDown = true;
  await expect.poll(() => closed, { timeout: 5_000 }).toEqual([false]);
  kept.isDown = false;
  await rig.pump.ended();
  expect(await rig.store.get(job.id)).toMatchObject({ state: 'running', result: null });
});

it('a lease is held as long as the run lasts', async () => {
  const held: ServerResponse[] = [];
  const backend = await rigs.backend((res) => held.push(res));
  const rig = await rigs.open(fixedModel([backend.url]), { leaseMs: 150 });
  const job = await rig.create();
  await expect.poll(() => held.length).toBe(1);
  const firstMs = (await rig.store.get(job.id))!.lease!.untilMs;
  await expect
    .poll(async () => (await rig.store.get(job.id))!.lease!.untilMs, { timeout: 5_000 })
    .toBeGreaterThan(firstMs + 600);
  answerJson(held[0]!, undefined as never, '');
  expect(await rig.ended(job)).toMatchObject({ state: 'succeeded', attempts: 1, lastToken: 1 });
});

it('a worker that lost its job to another aborts it and writes nothing', async () => {
  const closed: boolean[] = [];
  const held: ServerResponse[] = [];
  const backend = await rigs.backend((res) => {
    held.push(res);
    res.on('close', () => closed.push(res.writableFinished));
  });
  const rig = await rigs.open(fixedModel([backend.url], 'concurrency: 1'));
  const job = await rig.create();
  await expect.poll(() => held.length).toBe(1);
  // As a sweeper does that finds the lease run out: the job is queued, and claimed anew.
  await rig.book.look([job.id], () => true);
  await expect.poll(() => held.length, { timeout: 5_000 }).toBe(2);
  expect(closed).toEqual([false]);
  answerJson(held[1]!, undefined as never, '');
  expect(await rig.ended(job)).toMatchObject({ state: 'succeeded', attempts: 2, lastToken: 2 });
  const events = await rig.store.events(job.id, 0, 100);
  expect(events.map(({ data }) => data)).toEqual(['running', 'queued', 'running', 'succeeded']);
});

it('claims that fail are made again when the store is back', async () => {
  const kept = failingStore();
  const backend = await rigs.backend(answerJson);
  const rig = await rigs.open(fixedModel([backend.url]), {}, kept.store);
  kept.isDown = true;
  await expect.poll(() => rig.path.roster.find('m')!.wakeInfo().state).toBe('ready');
  kept.isDown = false;
  const job = await rig.create();
  kept.isDown = true;
  await expect.poll(() => rig.faults.length, { timeout: 5_000 }).toBeGreaterThan(0);
  kept.isDown = false;
  expect((await rig.ended(job)).state).toBe('succeeded');
});

it('jobs of a model that is not configured wait for it, and fail when it does not come within a minute', async () => {
  const backend = await rigs.backend(answerJson);
  const rig = await rigs.open(fixedModel([backend.url]));
  const other = await rig.create({ model: 'other' });
  const known = await rig.create();
  expect((await rig.ended(known)).state).toBe('succeeded');
  expect((await rig.store.get(other.id))!.state).toBe('queued');
  rig.aheadMs = 60_000;
  // Whatever happens there has the model looked for.
  const second = await rig.create({ model: 'other' });
  expect(await rig.ended(other)).toMatchObject({
    state: 'failed',
    error: { code: 'model_not_found', message: 'model "other" is not configured any more' },
  });
  expect((await rig.ended(second)).state).toBe('failed');
});

it('a note of before the claim that comes late changes nothing', async () => {
  const held: ServerResponse[] = [];
  const backend = await rigs.backend((res) => held.push(res));
  const store = openMemoryStore({ clock: systemClock });
  const listeners: Parameters<JobStore['watch']>[0][] = [];
  const watched = new Proxy(store, {
    get(target, name) {
      const found = Reflect.get(target, name, target) as unknown;
      if (typeof found !== 'function') return found;
      return (...args: unknown[]) => {
        if (name === 'watch') listeners.push(args[0] as Parameters<JobStore['watch']>[0]);
        return (found as (...given: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  const rig = await rigs.open(fixedModel([backend.url]), {}, watched);
  const job = await rig.create();
  await expect.poll(() => held.length).toBe(1);
  const note = { ...job, group: null, isCancelRequested: false, lastSeq: 0 };
  for (const listener of listeners) listener({ ...note, state: 'queued' });
  answerJson(held[0]!, undefined as never, '');
  expect(await rig.ended(job)).toMatchObject({ state: 'succeeded', attempts: 1 });
});
