import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { JobSettings } from '../../src/config/job-settings.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Invocation } from '../../src/core/contract.ts';
import type { JobOrder } from '../../src/core/desk.ts';
import { isEnded, type Job } from '../../src/core/job.ts';
import type { JobStore } from '../../src/core/job-store.ts';
import type { Caller } from '../../src/core/surface.ts';
import { JobBook } from '../../src/jobs/book.ts';
import { Intake } from '../../src/jobs/intake.ts';
import { Pump } from '../../src/jobs/pump.ts';
import { contractOf } from '../../src/protocols/contracts/contracts.ts';
import { openDirectoryBlobs } from '../../src/stores/directory/blobs.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { type Answer, type Backend, startBackend } from '../support/backend.ts';
import { type DataPath, openDataPath } from '../support/data-path.ts';
import { settingsOf } from '../support/gateway.ts';

const invocation: Invocation = {
  path: '/v1/chat/completions',
  method: 'POST',
  contentType: 'application/json',
  headers: {},
  content: { input: { model: 'm', messages: [] } },
  isStream: false,
  id: '',
};

const order: JobOrder = {
  ...{ id: null, surface: 'jobs', model: 'm', invocation, priority: 'normal', limits: {} },
  ...{ webhook: null, group: null, idempotencyKey: null, meta: {} },
};

/** What a test says of a job. */
export interface Wanted extends Partial<Omit<JobOrder, 'invocation'>> {
  readonly invocation?: Partial<Invocation>;
}

const caller: Caller = {
  ...{ tenant: 'app', requestId: 'r', highestClass: 0 },
  signal: new AbortController().signal,
};

/** A store with a pump that runs its jobs at real backends. */
export class PumpRig {
  readonly faults: unknown[] = [];
  readonly store: JobStore;
  readonly book: JobBook;
  readonly path: DataPath;
  readonly pump: Pump;
  /** The pump's clock goes that far ahead. */
  aheadMs = 0;
  readonly #intake: Intake;

  constructor(path: DataPath, { store, book }: { store: JobStore; book: JobBook }) {
    this.path = path;
    this.store = store;
    this.book = book;
    this.#intake = new Intake(book);
    const { pipeline, roster } = path;
    this.pump = new Pump({
      ...{ book, pipeline },
      clock: {
        ...systemClock,
        nowMs: () => systemClock.nowMs() + this.aheadMs,
        setTimer: (atMs, fn) => systemClock.setTimer(atMs - this.aheadMs, fn),
      },
      find: (name) => roster.find(name),
      model(name) {
        const { settings } = pipeline.find(name);
        const { path: route, responses, name: contract } = settings.contract;
        return { contract: contractOf(contract), contractModel: { name, path: route, responses } };
      },
      onFault: (error) => this.faults.push(error),
    });
  }

  async create(wanted: Wanted = {}): Promise<Job> {
    const { job } = await this.#intake.create(orderOf(wanted), caller);
    return job;
  }

  async createMany(count: number, wanted: Wanted = {}): Promise<void> {
    await this.#intake.createMany(
      Array.from({ length: count }, () => orderOf(wanted)),
      caller,
    );
  }

  /** The job as it stands when it has ended. */
  async ended({ id }: Pick<Job, 'id'>): Promise<Job> {
    let job = await this.store.get(id);
    await expect
      .poll(
        async () => {
          job = await this.store.get(id);
          return job !== null && isEnded(job.state);
        },
        { timeout: 15_000, interval: 10 },
      )
      .toBe(true);
    return job!;
  }

  async output(job: Job): Promise<string> {
    return (await this.book.bodies.whole(job, 'output')).toString();
  }
}

function orderOf({ invocation: more, ...rest }: Wanted): JobOrder {
  return { ...order, ...rest, invocation: { ...invocation, ...more } };
}

/** Opens rigs and closes them. */
export class PumpRigs {
  readonly #closers: (() => Promise<void> | void)[] = [];

  async backend(answer: Answer): Promise<Backend> {
    const backend = await startBackend(answer);
    this.onClose(() => backend.close());
    return backend;
  }

  /** With its pump started. */
  async open(models: string, settings: Partial<JobSettings> = {}, given?: JobStore): Promise<PumpRig> {
    const dir = mkdtempSync(join(tmpdir(), 'pilotlight-pump-'));
    this.onClose(() => rmSync(dir, { recursive: true, force: true }));
    const clock = systemClock;
    const store = given ?? openMemoryStore({ clock });
    const blobs = openDirectoryBlobs({ dir, clock });
    const all = settingsOf(models);
    const book = new JobBook({
      ...{ store, blobs, owner: `test-${Math.random()}`, random: () => 0 },
      settings: { ...all.jobs, ...settings },
    });
    const path = await openDataPath(all);
    const rig = new PumpRig(path, { store, book });
    rig.pump.start();
    this.onClose(async () => {
      await rig.pump.close();
      await path.close();
      await store.close();
    });
    return rig;
  }

  onClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /** For afterEach. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}
