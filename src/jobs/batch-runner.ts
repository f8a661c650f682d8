import type { Cancel, Clock } from '../core/clock.ts';
import type { Desk } from '../core/desk.ts';
import { isEnded } from '../core/job.ts';
import type { JobNote, JobStore } from '../core/job-store.ts';
import { openBatchKind } from '../protocols/batch/batch-data.ts';
import { BatchChanged, BatchRecord, type BatchShelf } from './batch-record.ts';
import { moveOn, type StageEnd } from './batch-stages.ts';

/** How often all open batches are looked at, for what no note told: those of other gateways, what failed before. */
const roundMs = 5_000;

/** Batches that are moved on at once; each holds a chunk of rows in memory. */
const width = 4;

const pageSize = 100;

/** A batch whose making broke off before it was there is forgotten after that long. */
const orphanMs = 60_000;

/** What the runner works with. */
export interface BatchRunnerOptions {
  readonly desk: Desk;
  readonly store: Pick<JobStore, 'watch' | 'nowMs' | 'isShared'>;
  readonly clock: Clock;
  /** This process, as leases name it. */
  readonly owner: string;
  /** A gateway that was not heard of for that long has lost its batches to others. */
  readonly leaseMs: number;
  /** A stage of a batch failed; it is tried again at the next round. */
  readonly onFault: (fault: { readonly batchId: string; readonly error: unknown }) => void;
}

/**
 * Moves batches on: validates their files, makes jobs of their rows, writes what they answered, removes them. It keeps nothing
 * that the store does not have, so that one that is killed is followed by another where it stood.
 */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  readonly #shelf: BatchShelf;
  readonly #ending = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Of batches that are watched: rows that must end before it is worth while to count them again. */
  readonly #rowsLeft = new Map<string, number>();
  /** Batches to be looked at again as soon as their stage is over. */
  readonly #again = new Set<string>();
  #round: Promise<void> | null = null;
  #isPoked = false;
  #timer: Cancel = () => undefined;
  #unwatch: () => void = () => undefined;

  constructor(options: BatchRunnerOptions) {
    const { desk, store, owner, leaseMs } = options;
    this.#options = options;
    this.#shelf = {
      documents: desk.jobs.documents,
      owner,
      leaseMs,
      isShared: store.isShared,
      nowMs: () => store.nowMs(),
    };
  }

  start(): void {
    this.#unwatch = this.#options.store.watch((note) => this.#onNote(note));
    this.poke();
  }

  /** A batch was made or changed: look now rather than at the next round. */
  poke(): void {
    if (this.#ending.signal.aborted) return;
    this.#isPoked = true;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = null;
    });
  }

  /** Ends what runs at the next point where it can; resolves when nothing does. */
  async close(): Promise<void> {
    this.#ending.abort(new Error('the gateway ends'));
    this.#unwatch();
    this.#timer();
    await this.#round;
    await Promise.all(this.#running.values());
  }

  #onNote({ group, state }: JobNote): void {
    if (group === null || state === null || !isEnded(state)) return;
    const left = this.#rowsLeft.get(group);
    if (left === undefined) return;
    this.#rowsLeft.set(group, left - 1);
    // Not while a stage runs, which counts down from 0 to learn how many ended meanwhile.
    if (left === 1) this.#begin(group);
  }

  async #rounds(): Promise<void> {
    while (this.#isPoked && !this.#ending.signal.aborted) {
      this.#isPoked = false;
      try {
        await this.#lookAtAll();
      } catch (error) {
        this.#options.onFault({ batchId: 'all', error });
      }
    }
    if (this.#ending.signal.aborted) return;
    this.#timer();
    this.#timer = this.#options.clock.setTimer(this.#options.clock.nowMs() + roundMs, () => this.poke());
  }

  async #lookAtAll(): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const query = { kind: openBatchKind, tenant: null, limit: pageSize };
      const page = await this.#shelf.documents.list(after === undefined ? query : { ...query, after });
      for (const open of page) this.#begin(open.id);
      after = page.at(-1)?.id;
      if (page.length < pageSize || after === undefined) return;
    }
  }

  #begin(id: string): void {
    if (this.#ending.signal.aborted) return;
    if (this.#running.has(id) || this.#running.size >= width) {
      this.#again.add(id);
      return;
    }
    this.#again.delete(id);
    const work = this.#move(id)
      .catch((error: unknown) => this.#options.onFault({ batchId: id, error }))
      .finally(() => {
        this.#running.delete(id);
        const next = [...this.#again].find((other) => !this.#running.has(other));
        if (next !== undefined) this.#begin(next);
      });
    this.#running.set(id, work);
  }

  async #move(id: string): Promise<void> {
    while (!this.#ending.signal.aborted) {
      this.#rowsLeft.set(id, 0);
      const record = await BatchRecord.take(this.#shelf, id);
      if (record === null) return this.#forgetOrphan(id);
      const end = record === 'busy' ? record : await this.#stage(record);
      if (end === 'busy' || end.kind === 'done') {
        this.#rowsLeft.delete(id);
        if (end !== 'busy') await this.#shelf.documents.delete(openBatchKind, id);
        return;
      }
      if (end.kind === 'on') continue;
      // Below 0: rows that ended during the stage, before or after they were counted.
      const left = end.left + (this.#rowsLeft.get(id) ?? 0);
      if (left <= 0) continue;
      this.#rowsLeft.set(id, left);
      return;
    }
  }

  async #stage(record: BatchRecord): Promise<StageEnd> {
    const { desk, store } = this.#options;
    const { signal } = this.#ending;
    const caller = { tenant: record.tenant, requestId: record.id, highestClass: 2, signal } as const;
    try {
      return await moveOn({ record, desk, caller, nowMs: () => store.nowMs() });
    } catch (error) {
      if (error instanceof BatchChanged) return { kind: 'on' };
      throw error;
    }
  }

  /** What says that there is something to do for a batch that is not there: it may be about to be. */
  async #forgetOrphan(id: string): Promise<void> {
    this.#rowsLeft.delete(id);
    const open = await this.#shelf.documents.get(openBatchKind, id);
    if (open === null || this.#shelf.nowMs() - open.createdAtMs < orphanMs) return;
    await this.#shelf.documents.delete(openBatchKind, id);
  }
}
