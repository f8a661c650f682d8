import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Job } from '../../src/core/job.ts';
import { JobBook } from '../../src/jobs/book.ts';
import { Sweeper } from '../../src/jobs/sweeper.ts';
import { openDirectoryBlobs } from '../../src/stores/directory/blobs.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { settingsOf } from '../support/gateway.ts';
import { aJob, unlimited } from '../support/job.ts';
import { ManualClock } from '../support/manual-clock.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A sweeper on jobs in memory; `isShared`: as if other processes used them too. */
function rig({ isShared = false } = {}) {
  const clock = new ManualClock();
  const dir = mkdtempSync(join(tmpdir(), 'pilotlight-sweeper-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  const memory = openMemoryStore({ clock });
  const store = isShared
    ? new Proxy(memory, { get: (it, name) => (name === 'isShared' ? true : bound(it, name)) })
    : memory;
  const { jobs: settings } = settingsOf('  m: { backend: { driver: static, urls: ["http://127.0.0.1:9"] } }');
  const blobs = openDirectoryBlobs({ dir, clock });
  const book = new JobBook({ store, blobs, owner: 'this', random: () => 0.5, settings });
  const faults: unknown[] = [];
  const sweeper = new Sweeper({ clock, book, onFault: (error) => faults.push(error) });
  closers.push(() => sweeper.close());
  const put = async (job: Job) => {
    expect(await store.commit([{ id: job.id, expected: 0, next: job, input: Buffer.from('{}') }])).toEqual([
      { kind: 'done' },
    ]);
  };
  const pass = (ms: number) => clock.advance(ms);
  const stateOf = async (id: string) => (await store.get(id))?.state ?? null;
  return { clock, store, book, sweeper, put, pass, stateOf, faults };
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? value.bind(target) : value;
}

function running(id: string, nowMs: number, owner: string): Job {
  const lease = { owner, token: 1, untilMs: nowMs + 30_000 };
  return aJob({ id, state: 'running', attempts: 1, lastToken: 1, lease, startedAtMs: nowMs });
}

describe('the sweeper', () => {
  it('takes over at its start what a process that has ended ran', async () => {
    const { store, sweeper, put, stateOf } = rig();
    for (let n = 0; n < 1_200; n++) {
      await put(aJob({ id: `waits-${n}`, limits: { ...unlimited, beginByMs: store.nowMs() + 20_000 } }));
    }
    await put(running('theirs', store.nowMs(), 'before'));
    await put(running('ours', store.nowMs(), 'this'));
    await sweeper.start();
    expect(await stateOf('theirs')).toBe('queued');
    expect(await stateOf('ours')).toBe('running');
  });

  it('leaves a lease alone, where others share the store, until it was not renewed', async () => {
    const { store, sweeper, put, pass, stateOf } = rig({ isShared: true });
    await put(running('theirs', store.nowMs(), 'other'));
    await sweeper.start();
    await pass(29_000);
    expect(await stateOf('theirs')).toBe('running');
    await pass(3_000);
    expect(await stateOf('theirs')).toBe('queued');
  });

  it('ends what is late, and has tried again what waited long enough', async () => {
    const { store, sweeper, put, pass, stateOf } = rig();
    const nowMs = store.nowMs();
    await put(aJob({ id: 'late', limits: { ...unlimited, beginByMs: nowMs + 5_000 } }));
    await put(aJob({ id: 'again', attempts: 1, notBeforeMs: nowMs + 5_000 }));
    await put(aJob({ id: 'low', priority: 'low', limits: { ...unlimited, forceAtMs: nowMs + 5_000 } }));
    await sweeper.start();
    await pass(4_000);
    expect(await store.head('llama', 2, 10)).toEqual(['late', 'low']);
    await pass(3_000);
    expect(await stateOf('late')).toBe('expired');
    expect((await store.head('llama', 1, 10)).toSorted()).toEqual(['again', 'low']);
  });

  it('wakes up in time for what falls due that was not there when it went to sleep', async () => {
    const { store, sweeper, put, pass } = rig();
    await sweeper.start();
    await pass(1_000);
    await put(aJob({ id: 'again', attempts: 1, notBeforeMs: store.nowMs() + 500 }));
    await pass(700);
    expect(await store.head('llama', 2, 10)).toEqual(['again']);
  });

  it('takes over what ran before the clock was set back', async () => {
    const { clock, store, book, sweeper, put, pass, stateOf } = rig();
    const { nowMs } = store;
    const ahead = vi.spyOn(store, 'nowMs').mockImplementation(() => nowMs() + 3_600_000);
    const before = new Sweeper({ clock, book, onFault: () => undefined });
    await before.start();
    await pass(100);
    await before.close();
    await put(running('theirs', store.nowMs(), 'before'));
    ahead.mockRestore();
    await sweeper.start();
    expect(await stateOf('theirs')).toBe('queued');
  });

  it('removes jobs and documents that were kept long enough', async () => {
    const { store, sweeper, put, pass, stateOf } = rig();
    const nowMs = store.nowMs();
    await put(aJob({ id: 'done', state: 'succeeded', endedAtMs: nowMs }));
    const document = { kind: 'file', id: 'f', tenant: '', createdAtMs: nowMs, data: {} };
    await store.documents.put({ ...document, expiresAtMs: nowMs + 60_000 }, 0);
    await sweeper.start();
    await pass(59_000);
    expect(await stateOf('done')).toBe('succeeded');
    await pass(3_000);
    expect(await stateOf('done')).toBe(null);
    // A look at the folder of blobs comes before the next round, and takes real time.
    const laterDocument = async () => {
      await pass(60_000);
      return store.documents.get('file', 'f');
    };
    await expect.poll(laterDocument).toBe(null);
  });

  it('goes on after a fault of the store, and tells of it', async () => {
    const { store, sweeper, put, pass, stateOf, faults } = rig();
    await put(aJob({ id: 'late', limits: { ...unlimited, beginByMs: store.nowMs() + 1_000 } }));
    await sweeper.start();
    const due = vi.spyOn(store, 'due').mockRejectedValueOnce(new Error('no store'));
    await pass(3_000);
    expect(faults).toEqual([new Error('no store')]);
    await pass(3_000);
    expect(await stateOf('late')).toBe('expired');
    expect(due.mock.calls.length).toBeLessThan(300);
  });
});
