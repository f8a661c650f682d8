import { afterEach, beforeEach, expect } from 'vitest';
import type { Job } from '../../../src/core/job.ts';
import type { CommitOutcome, JobChange, JobNote, JobStore } from '../../../src/core/job-store.ts';
import { aJob, nextOf } from '../../support/job.ts';
import type { JobStoreHarness, JobStoreSuite } from '../job-store.ts';

/** The store under test, made anew for each test, with what its tests do again and again. */
export class StoreRig {
  #harness: JobStoreHarness | null = null;

  /** Call it within `describe`. */
  constructor(suite: JobStoreSuite) {
    beforeEach(async () => {
      this.#harness = await suite.create();
    });
    afterEach(async () => {
      await this.#harness?.dispose();
      this.#harness = null;
    });
  }

  get harness(): JobStoreHarness {
    return this.#harness!;
  }

  get store(): JobStore {
    return this.harness.store;
  }

  async commitOne(change: JobChange): Promise<CommitOutcome> {
    const [outcome] = await this.store.commit([change]);
    return outcome!;
  }

  /** Commits first versions. */
  async add(given: Partial<Job> & { readonly id: string }, more: Partial<JobChange> = {}): Promise<Job> {
    const job = aJob(given);
    expect(await this.commitOne({ id: job.id, expected: 0, next: job, ...more })).toEqual({ kind: 'done' });
    return job;
  }

  /** Commits the version after `job`. */
  async change(job: Job, changes: Partial<Job>, more: Partial<JobChange> = {}): Promise<Job> {
    const next = nextOf(job, changes);
    expect(await this.commitOne({ id: job.id, expected: job.version, next, ...more })).toEqual({
      kind: 'done',
    });
    return next;
  }

  async remove(job: Job): Promise<void> {
    const removal: JobChange = { id: job.id, expected: job.version, next: null };
    expect(await this.commitOne(removal)).toEqual({ kind: 'done' });
  }

  /** Listens until the test ends with the store; the notes come as they are told. */
  notes(): JobNote[] {
    const notes: JobNote[] = [];
    this.store.watch((note) => notes.push(note));
    return notes;
  }
}
