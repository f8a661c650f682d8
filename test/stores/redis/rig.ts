import { type Clock, systemClock } from '../../../src/core/clock.ts';
import type { Job } from '../../../src/core/job.ts';
import type { JobNote, JobStore } from '../../../src/core/job-store.ts';
import { openRedisStore } from '../../../src/stores/redis/redis-store.ts';
import { aJob } from '../../support/job.ts';
import { RedisServer, type RedisServerOptions } from '../../support/redis-server.ts';

/** A Redis with the stores that a test opens on it, and what those told of faults. */
export class RedisRig {
  readonly server: RedisServer;
  readonly faults: Error[] = [];
  readonly #stores: JobStore[] = [];

  private constructor(server: RedisServer) {
    this.server = server;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisRig> {
    return new RedisRig(await RedisServer.start(options));
  }

  async open(url: string = this.server.url, clock: Clock = systemClock): Promise<JobStore> {
    const store = await openRedisStore({ url, clock, onFault: (error) => this.faults.push(error) });
    this.#stores.push(store);
    return store;
  }

  async stop(): Promise<void> {
    for (const store of this.#stores) await store.close();
    await this.server.stop();
  }
}

/** Commits a first version; resolves with it. */
export async function add(store: JobStore, given: Partial<Job> & { readonly id: string }): Promise<Job> {
  const next = aJob(given);
  const [outcome] = await store.commit([{ id: next.id, expected: 0, next }]);
  if (outcome?.kind !== 'done') throw new Error(`${next.id} was there`);
  return next;
}

/** Versions that a store tells, by job, in order. */
export function versionsOf(store: JobStore): Map<string, number[]> {
  const versions = new Map<string, number[]>();
  store.watch(({ id, version }: JobNote) => versions.set(id, [...(versions.get(id) ?? []), version]));
  return versions;
}

/** All jobs of the tenant that `aJob` names, page by page. */
export async function allJobs(store: JobStore): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let before: string | undefined; ; ) {
    const page = await store.list({ tenant: 'app', limit: 500, ...(before === undefined ? {} : { before }) });
    jobs.push(...page.jobs);
    if (page.next === null) return jobs;
    before = page.next;
  }
}
