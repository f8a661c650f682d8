import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Job } from '../../src/core/job.ts';
import type { JobStore } from '../../src/core/job-store.ts';
import { JobBook } from '../../src/jobs/book.ts';
import { Intake } from '../../src/jobs/intake.ts';
import { openDirectoryBlobs } from '../../src/stores/directory/blobs.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { openRedisStore } from '../../src/stores/redis/redis-store.ts';
import { openSqliteStore } from '../../src/stores/sqlite/store.ts';
import { settingsOf } from '../support/gateway.ts';
import { hasRedis, RedisServer } from '../support/redis-server.ts';
import { callerOf, order, sent } from './book-rig.ts';

const clock = systemClock;
const onFault = (error: unknown): void => expect.unreachable(String(error));
const jobCount = 120;
const owners = ['a', 'b', 'c'] as const;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A store for each gateway: the same one where it belongs to one process. */
const stores = {
  async memory(): Promise<readonly JobStore[]> {
    const store = openMemoryStore({ clock });
    return [store, store, store];
  },
  async sqlite(folder: string): Promise<readonly JobStore[]> {
    const store = await openSqliteStore({ file: join(folder, 'jobs.sqlite'), clock, onFault });
    closers.push(() => store.close());
    return [store, store, store];
  },
  async redis(): Promise<readonly JobStore[]> {
    const server = await RedisServer.start();
    closers.push(() => server.stop());
    const open = () => openRedisStore({ url: server.url, clock, onFault });
    const opened = await Promise.all([open(), open(), open()]);
    for (const store of opened) closers.push(() => store.close());
    return opened;
  },
};

/** What each gateway was told that it has recorded. */
type Recorded = Map<string, string[]>;

/**
 * Claims and ends jobs until none is left. Each job is taken from its worker once, as if it had been silent for too long, while it
 * goes on: every other one while it ends, the rest before. And each worker ends its job twice, at once and with two answers.
 */
async function work(book: JobBook, owner: string, recorded: Recorded): Promise<void> {
  for (let jobs = await book.claim('llama', 2, 7); jobs.length > 0; jobs = await book.claim('llama', 2, 7)) {
    const first = jobs.filter(({ attempts }) => attempts === 1);
    const isOdd = (job: Job): boolean => job.group!.index % 2 === 1;
    const idsOf = (taken: readonly Job[]) => taken.map(({ id }) => id);
    await book.look(idsOf(first.filter(isOdd)), () => true);
    const taking = book.look(idsOf(first.filter((job) => !isOdd(job))), () => true);
    await Promise.all(jobs.map((job) => endTwice(book, job, { owner, recorded })));
    await taking;
  }
}

async function endTwice(book: JobBook, job: Job, by: { owner: string; recorded: Recorded }): Promise<void> {
  const texts = ['x', 'y'].map((which) => `${by.owner}-${job.lease!.token}-${which}`);
  const ends = texts.map(async (text) => {
    const kept = await book.keepOutput(job, sent(text), new AbortController().signal);
    const answer = { status: 200, contentType: 'text/plain', headers: {}, kept };
    const ended = await book.finish(job, { kind: 'succeeded', answer });
    if (ended !== null) by.recorded.set(job.id, [...(by.recorded.get(job.id) ?? []), text]);
  });
  await Promise.all(ends);
}

describe.each(['memory', 'sqlite', 'redis'] as const)('jobs on %s', (kind) => {
  it.skipIf(kind === 'redis' && !hasRedis)(
    'are recorded once, by who held the lease, though workers lose leases and end everything twice',
    { timeout: 60_000 },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'pilotlight-drill-'));
      closers.push(() => rm(folder, { recursive: true, force: true }));
      const { jobs } = settingsOf('  m: { backend: { driver: static, urls: ["http://127.0.0.1:9"] } }');
      const settings = { ...jobs, attempts: 10 };
      const blobs = openDirectoryBlobs({ dir: join(folder, 'blobs'), clock });
      const opened = await stores[kind](folder);
      const books = owners.map(
        (owner, at) => new JobBook({ store: opened[at]!, blobs, owner, random: Math.random, settings }),
      );
      const rows = Array.from({ length: jobCount }, (_, index) => ({
        ...{ ...order, id: `row-${index}` },
        group: { id: 'g', index },
      }));
      await new Intake(books[0]!).createMany(rows, callerOf('app').caller);

      const recorded: Recorded = new Map();
      await Promise.all(books.map((book, at) => work(book, owners[at]!, recorded)));
      // A worker may find the queue empty while another one's job is about to come back.
      await work(books[0]!, 'last', recorded);

      const ended = await opened[0]!.groupMembers('g', 0, jobCount);
      expect(ended.map(({ state }) => state)).toEqual(Array.from({ length: jobCount }, () => 'succeeded'));
      expect(ended.filter(({ attempts }) => attempts > 1).length).toBeGreaterThanOrEqual(jobCount / 2);
      for (const job of ended) {
        const text = (await books[1]!.bodies.whole(job, 'output')).toString();
        expect(recorded.get(job.id)).toEqual([text]);
        expect(text.split('-')[1]).toBe(String(job.lastToken));
      }
    },
  );
});
