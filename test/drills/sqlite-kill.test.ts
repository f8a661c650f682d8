import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { JobStore } from '../../src/core/job-store.ts';
import { openSqliteStore } from '../../src/stores/sqlite/store.ts';
import { storeFile } from '../support/sqlite-file.ts';
import { StoreProcess } from '../support/store-process.ts';
import { repeats, tell } from './repeats.ts';

describe('a process that is killed in the middle of commits', () => {
  let place: Awaited<ReturnType<typeof storeFile>>;
  beforeEach(async () => {
    place = await storeFile();
  });
  afterEach(() => place.remove());

  const open = () =>
    openSqliteStore({
      file: place.file,
      clock: systemClock,
      onFault(fault) {
        throw fault;
      },
    });

  it('has lost nothing that was acknowledged, and has left nothing half done', {
    timeout: 30_000 * repeats,
  }, async () => {
    const versionById = new Map<string, number>();
    for (let life = 0; life < repeats; life++) {
      const commits = [200, 1_500, 1][life % 3]!;
      const process = new StoreProcess(place.file, `life${life}`);
      await process.reached(commits);
      await process.kill();
      for (const [id, version] of process.versionById) versionById.set(id, version);
      const store = await open();
      await expectAll(store, versionById);
      await store.close();
    }
    // expectAll has found each of them.
    tell('a store in SQLite killed', { kills: repeats, 'jobs acknowledged and kept': versionById.size });
  });

  it('holds the file against others as long as it lives, and no longer', async () => {
    const process = new StoreProcess(place.file, 'first');
    await process.reached(1);
    await expect(open()).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/another process has the file open.*jobs\.sqlite/),
    });
    await process.kill();
    const store = await open();
    await expectAll(store, process.versionById);
    await store.close();
  });
});

/** Everything that was told is there, whole; what was never told may be there too, and is whole as well. */
async function expectAll(store: JobStore, versionById: ReadonlyMap<string, number>): Promise<void> {
  const { jobs } = await store.list({ tenant: 'app', limit: 1_000_000 });
  const found = new Map(jobs.map((job) => [job.id, job]));
  const lost = [...versionById].filter(([id, version]) => (found.get(id)?.version ?? 0) < version);
  expect(lost).toEqual([]);
  for (const { id, version } of jobs) {
    expect(String(await store.body(id, 'input'))).toBe(id);
    const output = await store.body(id, 'output');
    expect(output && String(output)).toBe(version === 2 ? `done ${id}` : null);
    expect(await store.events(id, 0, 10)).toHaveLength(1);
  }
  const ended = jobs.filter(({ version }) => version === 2).length;
  const queued = jobs.length - ended;
  expect(await store.counts({ model: 'llama' })).toEqual({
    ...(ended > 0 ? { succeeded: ended } : {}),
    ...(queued > 0 ? { queued } : {}),
  });
  expect(await store.head('llama', 2, 1_000_000)).toHaveLength(queued);
}
