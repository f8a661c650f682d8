import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/core/job.ts';
import type { JobStore } from '../../../src/core/job-store.ts';
import { repeats, tell } from '../../drills/repeats.ts';
import { aJob, nextOf, storedResult } from '../../support/job.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { add, allJobs, RedisRig, versionsOf } from './rig.ts';

describe.runIf(hasRedis)('jobs in Redis', () => {
  let rig: RedisRig;
  afterEach(() => rig.stop());

  it.each(['always', 'everysec'] as const)(
    'that were acknowledged are all there, once, when Redis is killed under load and started again (appendfsync %s)',
    { timeout: 60_000 * repeats },
    async (appendfsync) => {
      rig = await RedisRig.start({ appendfsync });
      const stores = [await rig.open(), await rig.open()];
      const load = new Load(stores, appendfsync === 'always' ? 0 : postponedMs);
      const writers = load.run(20);
      for (let kill = 1; kill <= repeats; kill++) {
        await expect.poll(() => load.ended.size).toBeGreaterThan(kill * 100);
        load.isKilled();
        await rig.server.kill();
        await rig.server.restart();
      }
      await expect.poll(() => load.ended.size).toBeGreaterThan((repeats + 1) * 100);
      load.stop();
      await writers;
      await load.compare(await rig.open());
      expect(load.refused).toBeGreaterThan(0);
      const counted = { kills: repeats, 'jobs ended': load.ended.size, 'commits refused': load.refused };
      tell(`Redis killed under load, appendfsync ${appendfsync}`, counted);
    },
  );

  it('are run by one of many who want them, and a result of a lost lease is not recorded', async () => {
    rig = await RedisRig.start();
    const stores = [await rig.open(), await rig.open(), await rig.open()];
    for (let i = 0; i < 60; i++) await add(stores[0]!, { id: `job-${i}` });
    const claimed = await Promise.all(stores.map((store, i) => claimAll(store, `gateway-${i}`)));
    const ids = claimed.flat().map(({ id }) => id);
    expect(ids).toHaveLength(60);
    expect(new Set(ids).size).toBe(60);

    const slow = claimed.find((jobs) => jobs.length > 0)![0]!;
    const taken = leased(slow, 'gateway-9');
    expect(await commitOne(stores[1]!, slow, taken)).toBe('done');
    const late = nextOf(slow, { state: 'succeeded', lease: null, endedAtMs: 5_000, result: storedResult });
    const [outcome] = await stores[2]!.commit([
      { id: slow.id, expected: slow.version, next: late, output: Buffer.from('late') },
    ]);
    expect(outcome).toEqual({ kind: 'conflict', job: taken });
    expect(await stores[0]!.body(slow.id, 'output')).toBeNull();
  });

  it('are told of to all gateways, each in order and to the last, when the channel is cut again and again', async () => {
    rig = await RedisRig.start();
    const [writer, reader] = [await rig.open(), await rig.open()];
    const versions = versionsOf(reader);
    const jobs = Array.from({ length: 1_500 }, (_, i) => aJob({ id: `job-${i}` }));
    const rounds = (async () => {
      let standing = jobs;
      await writer.commit(standing.map((next) => ({ id: next.id, expected: 0, next })));
      for (let round = 0; round < 4; round++) {
        const last = standing;
        standing = last.map((job) => nextOf(job, { attempts: round }));
        await writer.commit(
          last.map((job, i) => ({ id: job.id, expected: job.version, next: standing[i]! })),
        );
      }
      await writer.commit(
        standing.slice(0, 50).map(({ id, version }) => ({ id, expected: version, next: null })),
      );
    })();
    let isDone = false;
    void rounds.finally(() => {
      isDone = true;
    });
    while (!isDone) await rig.server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await rounds;
    const lastVersions = () => jobs.map(({ id }) => versions.get(id)?.at(-1));
    const wanted = jobs.map((_, i) => (i < 50 ? 6 : 5));
    await expect.poll(lastVersions).toEqual(wanted);
    for (const told of versions.values()) expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  it('are told of after a restart of Redis, what was committed by others meanwhile too', async () => {
    rig = await RedisRig.start();
    const reader = await rig.open();
    const versions = versionsOf(reader);
    const job = await add(await rig.open(), { id: 'a' });
    await expect.poll(() => versions.get('a')).toEqual([1]);
    await rig.server.kill();
    await rig.server.restart();
    const writer = await rig.open();
    expect(await commitOne(writer, job, nextOf(job))).toBe('done');
    await expect.poll(() => versions.get('a')?.at(-1)).toBe(2);
    await add(writer, { id: 'b' });
    await expect.poll(() => versions.get('b')?.at(-1)).toBe(1);
  });

  it('are committed beside each other: one waits for a turn, not for the 20,000 that came before it', async () => {
    rig = await RedisRig.start();
    const store = await rig.open();
    const order: string[] = [];
    const rows = Array.from({ length: 20_000 }, (_, i) => aJob({ id: `row-${i}` }));
    const many = store
      .commit(rows.map((next) => ({ id: next.id, expected: 0, next })))
      .then((outcomes) => order.push(`many ${outcomes.filter(({ kind }) => kind === 'done').length}`));
    await add(store, { id: 'one' });
    order.push('one');
    await many;
    expect(order).toEqual(['one', 'many 20000']);
    expect(await store.counts({ model: 'llama' })).toEqual({ queued: 20_001 });
  });

  it('have bytes and events of any size, in as many calls as that takes', async () => {
    rig = await RedisRig.start({ appendfsync: 'everysec' });
    const store = await rig.open();
    const inputs = Array.from({ length: 600 }, (_, i) => Buffer.alloc(20_000, i));
    const outcomes = await store.commit(
      inputs.map((input, i) => ({ id: `job-${i}`, expected: 0, next: aJob({ id: `job-${i}` }), input })),
    );
    expect(outcomes.every(({ kind }) => kind === 'done')).toBe(true);
    for (const i of [0, 299, 599]) expect(await store.body(`job-${i}`, 'input')).toEqual(inputs[i]);
    const large = aJob({ id: 'large', meta: { text: 'x'.repeat(3_000_000) } });
    const input = Buffer.alloc(5_000_000, 'y');
    const data = 'z'.repeat(100_000);
    const events = Array.from({ length: 30 }, (_, i) => ({
      seq: i + 1,
      atMs: 1,
      type: 'output' as const,
      data,
    }));
    await store.commit([{ id: 'large', expected: 0, next: large, input, events }]);
    expect(await store.get('large')).toEqual(large);
    expect((await store.body('large', 'input'))?.equals(input)).toBe(true);
    expect(await store.events('large', 0, 100)).toEqual(events);
  });
});

/** For so long Redis may put off what it writes with everysec, where the disk is slow. */
const postponedMs = 2_500;

/** Writers that make, start and end jobs, and know what was acknowledged to them. */
class Load {
  readonly ended = new Set<string>();
  refused = 0;
  /** Version that was acknowledged last, since when, and the one that may have been written although it was refused. */
  readonly #known = new Map<string, { acknowledged: number; tried: number; atMs: number }>();
  readonly #stores: readonly JobStore[];
  readonly #mayLoseMs: number;
  readonly #kills: number[] = [];
  #isStopped = false;

  /** `mayLoseMs`: what was acknowledged that long before a kill may be lost with it. */
  constructor(stores: readonly JobStore[], mayLoseMs: number) {
    this.#stores = stores;
    this.#mayLoseMs = mayLoseMs;
  }

  isKilled(): void {
    this.#kills.push(performance.now());
  }

  async run(writers: number): Promise<void> {
    await Promise.all(Array.from({ length: writers }, (_, writer) => this.#write(writer)));
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Everything that was acknowledged is there; nothing is there that was never asked for; all lists agree. */
  async compare(store: JobStore): Promise<void> {
    const jobs = await allJobs(store);
    const byId = new Map(jobs.map((job) => [job.id, job]));
    expect(byId.size).toBe(jobs.length);
    for (const [id, { acknowledged, tried, atMs }] of this.#known) {
      const version = byId.get(id)?.version ?? 0;
      if (this.#mayBeLost(atMs)) expect(version).toBeLessThanOrEqual(tried);
      else expect([acknowledged, tried]).toContain(version);
      expect(await store.events(id, 0, 10)).toHaveLength(version);
    }
    expect(jobs.filter(({ id }) => !this.#known.has(id))).toEqual([]);
    const count = (state: Job['state']) => jobs.filter((job) => job.state === state).length;
    const counts = { queued: count('queued'), running: count('running'), succeeded: count('succeeded') };
    expect({ queued: 0, running: 0, succeeded: 0, ...(await store.counts({ model: 'llama' })) }).toEqual(
      counts,
    );
    expect(await store.head('llama', 2, 100_000)).toHaveLength(counts.queued);
    expect(await store.due(Number.MAX_SAFE_INTEGER, 100_000)).toHaveLength(counts.running + counts.succeeded);
  }

  #mayBeLost(atMs: number): boolean {
    return this.#kills.some((killMs) => killMs >= atMs && killMs - atMs < this.#mayLoseMs);
  }

  async #write(writer: number): Promise<void> {
    for (let i = 0; !this.#isStopped; i++) {
      const store = this.#stores[i % this.#stores.length]!;
      const queued = aJob({ id: `${writer}-${i}`, idempotencyKey: `key ${writer} ${i}` });
      const running = leased(queued, 'gateway');
      const done = nextOf(running, { state: 'succeeded', lease: null, endedAtMs: 9_000 });
      if (!(await this.#commit(store, queued))) continue;
      if (!(await this.#commit(store, running))) continue;
      if (await this.#commit(store, done)) this.ended.add(done.id);
    }
  }

  async #commit(store: JobStore, next: Job): Promise<boolean> {
    const expected = next.version - 1;
    const atMs = this.#known.get(next.id)?.atMs ?? 0;
    this.#known.set(next.id, { acknowledged: expected, tried: next.version, atMs });
    const event = { seq: next.version, atMs: 1, type: 'state', data: next.state } as const;
    try {
      const [outcome] = await store.commit([{ id: next.id, expected, next, events: [event] }]);
      if (this.#mayBeLost(atMs) && outcome?.kind === 'conflict') return false;
      expect(outcome).toEqual({ kind: 'done' });
    } catch (error) {
      expect(error).toMatchObject({ code: 'store_unavailable' });
      this.refused++;
      return false;
    }
    this.#known.set(next.id, { acknowledged: next.version, tried: next.version, atMs: performance.now() });
    return true;
  }
}

/** Claims, four at a time, until nothing is left. */
async function claimAll(store: JobStore, owner: string): Promise<Job[]> {
  const claimed: Job[] = [];
  for (;;) {
    const jobs = await store.getMany(await store.head('llama', 2, 4));
    if (jobs.length === 0) return claimed;
    const wanted = jobs.filter((job) => job?.state === 'queued').map((job) => leased(job!, owner));
    const outcomes = await store.commit(
      wanted.map((next) => ({ id: next.id, expected: next.version - 1, next })),
    );
    claimed.push(...wanted.filter((_, i) => outcomes[i]!.kind === 'done'));
  }
}

function leased(job: Job, owner: string): Job {
  const token = job.lastToken + 1;
  return nextOf(job, { state: 'running', lastToken: token, lease: { owner, token, untilMs: 9_000 } });
}

async function commitOne(store: JobStore, last: Job, next: Job): Promise<string> {
  const [outcome] = await store.commit([{ id: last.id, expected: last.version, next }]);
  return outcome!.kind;
}
