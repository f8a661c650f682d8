import { mkdir, open as openHandle, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PilotlightError } from '../../../src/core/errors.ts';
import type { JobStore } from '../../../src/core/job-store.ts';
import { openSqliteStore } from '../../../src/stores/sqlite/store.ts';
import { aJob } from '../../support/job.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { storeFile } from '../../support/sqlite-file.ts';

describe('a store in SQLite whose file fails', () => {
  let place: Awaited<ReturnType<typeof storeFile>>;
  let faults: PilotlightError[];
  beforeEach(async () => {
    place = await storeFile();
    faults = [];
  });
  afterEach(() => place.remove());

  const open = (file = place.file, maxPages?: number) =>
    openSqliteStore({
      file,
      clock: new ManualClock(),
      onFault: (fault) => faults.push(fault),
      ...(maxPages === undefined ? {} : { maxPages }),
    });
  /** A closed file with so many jobs of 4 KB. */
  const fill = async (count: number) => {
    const store = await open();
    await addJobs(store, 0, count);
    await store.close();
  };

  it('shows file, log and folder to their owner alone', async () => {
    const store = await open();
    await addJobs(store, 0, 1);
    const folder = dirname(place.file);
    const names = await readdir(folder);
    expect(names).toContain('jobs.sqlite-wal');
    const modes = await Promise.all(
      [folder, ...names.map((name) => join(folder, name))].map((path) => stat(path)),
    );
    await store.close();
    const [ofFolder, ...ofFiles] = modes.map(({ mode }) => mode & 0o777);
    expect(ofFolder).toBe(0o700);
    expect(new Set(ofFiles)).toEqual(new Set([0o600]));
  });

  it('refuses what does not fit with store_full, keeps what it has, and takes more when there is room', async () => {
    const store = await open(place.file, 150);
    const kept = await fillUp(store);
    expect(faults.map(({ code }) => code)).toEqual(['store_full']);
    expect(faults[0]?.message).toContain(place.file);
    expect((await store.list({ tenant: 'app', limit: 1_000 })).jobs).toHaveLength(kept);
    await Promise.all([0, 1, 2].map((n) => store.commit([{ id: `job-${n}`, expected: 1, next: null }])));
    await addJobs(store, 5_000, 2);
    await store.close();
    const again = await open();
    expect(await again.counts({ model: 'llama' })).toEqual({ queued: kept - 1 });
    await again.close();
  });

  it('lets through what fits of many at once when one of them does not', async () => {
    const store = await open(place.file, 150);
    await fillUp(store);
    const small = { kind: 'file', id: 'small', tenant: 'app', createdAtMs: 1, expiresAtMs: null, data: {} };
    const large = jobOf(9_000, 500_000);
    const asked = [
      store.commit([large]),
      store.commit([{ id: 'job-0', expected: 1, next: null }]),
      store.documents.put(small, 0),
      store.commit([large]),
    ];
    const outcomes = (await Promise.allSettled(asked)).map(({ status }) => status);
    expect(outcomes).toEqual(['rejected', 'fulfilled', 'fulfilled', 'rejected']);
    expect(await store.get('job-0')).toBeNull();
    expect(await store.documents.get('file', 'small')).not.toBeNull();
    await store.close();
  });

  it('says store_full on a disk that is full, and has what it acknowledged when it is opened again', async ({
    skip,
  }) => {
    const disk = await smallDisk(2_000_000);
    if (!disk) return skip();
    try {
      const file = join(disk.dir, 'jobs.sqlite');
      const store = await open(file);
      const kept = await fillUp(store);
      expect((await store.list({ tenant: 'app', limit: 1_000 })).jobs).toHaveLength(kept);
      await store.close();
      const again = await open(file);
      expect(await again.counts({ model: 'llama' })).toEqual({ queued: kept });
      await again.close();
    } finally {
      await disk.remove();
    }
  });

  const damages: Record<string, (file: string) => Promise<unknown>> = {
    'none of SQLite': (file) => writeFile(file, 'not a database at all'.repeat(500)),
    'cut short': async (file) => truncate(file, Math.floor((await stat(file)).size / 2 / 4_096) * 4_096),
    'overwritten in its middle': (file) => overwrite(file, 0.4, 40_000),
    'overwritten at its head': (file) => overwrite(file, 0, 200),
  };
  it.each(Object.entries(damages))('refuses a file that is %s, and leaves it as it is', async (_, damage) => {
    await fill(40);
    await damage(place.file);
    const before = await readFile(place.file);
    await expect(open()).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/damaged.*jobs\.sqlite|jobs\.sqlite.*damaged/),
    });
    expect((await readFile(place.file)).equals(before)).toBe(true);
  });

  describe('and is too large to be checked page by page', () => {
    beforeEach(async () => {
      const store = await open();
      await store.commit([jobOf(0, 34_000_000)]);
      await addJobs(store, 1, 200);
      await store.close();
    });

    it('refuses it where a list is damaged', async () => {
      await overwritePage(place.file, 'jobs_queue');
      await expect(open()).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringMatching(/damaged.*jobs\.sqlite/),
      });
    });

    it('says so when it meets the damage, and answers what is whole', async () => {
      await overwritePage(place.file, 'jobs');
      const store = await open();
      const ids = Array.from({ length: 201 }, (_, n) => `job-${n}`);
      const found = await Promise.allSettled(ids.map((id) => store.get(id)));
      const failed = found.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.length).toBeLessThan(100);
      for (const error of failed) expect(error).toMatchObject({ code: 'store_unavailable' });
      expect(faults[0]?.message).toMatch(/damaged.*jobs\.sqlite/);
      expect(await store.head('llama', 2, 1_000)).toHaveLength(201);
      await store.close();
    });
  });

  it('refuses the database of something else, and one of a later release', async () => {
    await mkdir(dirname(place.file), { recursive: true });
    const other = new DatabaseSync(place.file);
    other.exec('create table notes (text)');
    other.close();
    await expect(open()).rejects.toThrow(/database of something else/);
    const file = join(dirname(place.file), 'later.sqlite');
    await (await open(file)).close();
    const later = new DatabaseSync(file);
    later.exec('pragma user_version = 99');
    later.close();
    await expect(open(file)).rejects.toThrow(/version 99.*version 1/);
  });

  it('says where it cannot be made', async () => {
    await mkdir(dirname(place.file), { recursive: true });
    await writeFile(place.file, '');
    await expect(open(join(place.file, 'jobs.sqlite'))).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('jobs.sqlite/jobs.sqlite'),
    });
  });

  it('is open once within a process, too', async () => {
    const store = await open();
    await expect(open()).rejects.toThrow(/another process has the file open/);
    await addJobs(store, 0, 1);
    await store.close();
    expect(faults).toEqual([]);
  });

  it('is moved by no jump of the wall clock', async () => {
    const clock = new ManualClock();
    const store = await openSqliteStore({ file: place.file, clock, onFault: (fault) => faults.push(fault) });
    const startMs = store.nowMs();
    const wall = clock.wallMs.bind(clock);
    for (const jumpMs of [86_400_000, -86_400_000]) {
      clock.wallMs = () => wall() + jumpMs;
      expect(store.nowMs()).toBe(startMs);
    }
    await clock.advance(1_500);
    expect(store.nowMs()).toBe(startMs + 1_500);
    await store.close();
  });
});

function jobOf(n: number, bytes: number) {
  const id = `job-${n}`;
  return { id, expected: 0, next: aJob({ id }), input: Buffer.alloc(bytes, 'x') };
}

async function addJobs(store: JobStore, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n += 50) {
    const size = Math.min(50, from + count - n);
    await store.commit(Array.from({ length: size }, (_, i) => jobOf(n + i, 4_000)));
  }
}

/** Adds one job after the other until there is no room; returns how many were acknowledged. */
async function fillUp(store: JobStore): Promise<number> {
  for (let n = 0; n < 2_000; n++) {
    const isFull = await store.commit([jobOf(n, 4_000)]).then(
      () => false,
      (error: PilotlightError) => error.code === 'store_full',
    );
    if (isFull) return n;
  }
  throw new Error('it is never full');
}

/** From that part of the file on, so many bytes that make no sense. */
async function overwrite(file: string, from: number, bytes: number): Promise<void> {
  const handle = await openHandle(file, 'r+');
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(bytes, 0xa5), 0, bytes, Math.floor((size * from) / 4_096) * 4_096);
  await handle.close();
}

/** One page of a table or an index that makes no sense any more. */
async function overwritePage(file: string, name: string): Promise<void> {
  const database = new DatabaseSync(file);
  const row = database
    .prepare(
      "select pageno from dbstat where name = ? and pagetype = 'leaf' order by pageno limit 1 offset 1",
    )
    .get(name);
  database.close();
  const handle = await openHandle(file, 'r+');
  await handle.write(Buffer.alloc(4_096, 0xa5), 0, 4_096, (Number(row?.pageno) - 1) * 4_096);
  await handle.close();
}
