import type { ModelEntry } from '../arrival.ts';
import type { Job } from '../core/job.ts';
import type { Backlog, JobNote } from '../core/job-store.ts';
import { BacklogWatch } from './backlog-watch.ts';
import { Lot } from './lot.ts';
import { Worker, type WorkerOptions } from './worker.ts';

/** What a pump works with. */
export interface PumpOptions extends WorkerOptions {
  /** The model of that name as it is served now; undefined: there is none. */
  find(name: string): ModelEntry | undefined;
}

/** After a claim that failed. */
const retryMs = 1_000;
/** A model that is found in a cluster may be away for a while. */
const goneMs = 60_000;
const mostGivenUpAtOnce = 100;

/**
 * Brings queued jobs to the gates of their models: tells the gates how many there are, claims as many as slots are free that
 * nobody waits for, and has them run. What is not claimed lies in the store, and costs nothing here.
 */
export class Pump {
  readonly #options: PumpOptions;
  readonly #worker: Worker;
  readonly #backlog: BacklogWatch;
  readonly #lotByModel = new Map<string, Lot>();
  readonly #claims = new Set<Promise<void>>();
  #isStopped = true;
  #unwatch: (() => void) | null = null;

  constructor(options: PumpOptions) {
    const { book, clock, onFault } = options;
    this.#options = options;
    this.#worker = new Worker(options);
    this.#backlog = new BacklogWatch({
      ...{ clock, onFault, store: book.store },
      onFound: (found) => this.#spread(found),
    });
  }

  /** Begins to claim. */
  start(): void {
    this.#isStopped = false;
    this.#unwatch = this.#options.book.store.watch((note) => this.#noted(note));
    this.#backlog.changed();
  }

  /** Claims no more, and wakes no model any more. What runs goes on; it is told of by `ended`. */
  stop(): void {
    this.#isStopped = true;
    this.#backlog.close();
    for (const lot of this.#lotByModel.values()) lot.close();
  }

  /** Resolves when all that ran has ended, and is written. For after `stop`. */
  async ended(): Promise<void> {
    await Promise.all(this.#claims);
    await this.#worker.ended();
  }

  /** Aborts what still runs, which is begun again when its lease has run out; resolves when nothing is written any more. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all(this.#claims);
    this.#worker.close();
    await this.#worker.ended();
    this.#unwatch?.();
  }

  #noted(note: JobNote): void {
    this.#worker.noted(note, this.#claims.size > 0);
    if (this.#isStopped) return;
    const isQueued = note.state === 'queued';
    if (isQueued) this.#claim(this.#lotOf(note.model), true);
    if (isQueued || (this.#lotByModel.get(note.model)?.queued ?? 0) > 0) this.#backlog.changed();
  }

  #lotOf(model: string): Lot {
    let lot = this.#lotByModel.get(model);
    if (lot === undefined) {
      lot = new Lot(model, () => this.#claim(lot!, false));
      this.#lotByModel.set(model, lot);
    }
    return lot;
  }

  /** `hasMore`: one may have come since the last claim found none. */
  #claim(lot: Lot, hasMore: boolean): void {
    const { pipeline, clock, find } = this.#options;
    lot.mayHave ||= hasMore;
    if (this.#isStopped || !lot.mayHave || lot.isClaiming || pipeline.refusal !== null) return;
    lot.meet(find(lot.model)?.gate.jobs ?? null, clock.nowMs());
    if (lot.room <= 0) return;
    lot.isClaiming = true;
    const claim = this.#take(lot).finally(() => {
      lot.isClaiming = false;
      this.#claims.delete(claim);
      if (this.#claims.size === 0) this.#worker.forgetEarly();
      this.#claim(lot, false);
    });
    this.#claims.add(claim);
  }

  async #take(lot: Lot): Promise<void> {
    const { book, clock, onFault } = this.#options;
    // In a later turn: who has released a slot is not done yet, and others may release theirs.
    await nextTurn();
    const count = this.#isStopped ? 0 : lot.room;
    lot.mayHave = false;
    try {
      // Slots are free, so the model is up and nobody waits: those of rank low may come too.
      const jobs = count <= 0 ? [] : await book.claim(lot.model, 2, count);
      if (jobs.length >= count) lot.mayHave = true;
      for (const job of jobs) this.#begin(lot, job);
    } catch (error) {
      onFault(error);
      clock.setTimer(clock.nowMs() + retryMs, () => this.#claim(lot, true));
    }
  }

  #begin(lot: Lot, job: Job): void {
    lot.took(job.priority);
    let isOnItsWay = true;
    const onEntered = () => {
      if (isOnItsWay) lot.entered();
      isOnItsWay = false;
    };
    this.#worker.run(job, onEntered).then(() => lot.ended(), this.#options.onFault);
  }

  async #spread(found: readonly Backlog[]): Promise<void> {
    const { clock, find } = this.#options;
    const models = new Set(found.map(({ model }) => model));
    for (const [model, lot] of this.#lotByModel) if (!models.has(model)) lot.tell([0, 0, 0]);
    for (const { model, byRank } of found) {
      const lot = this.#lotOf(model);
      lot.meet(find(model)?.gate.jobs ?? null, clock.nowMs());
      lot.tell(byRank);
      if ((lot.goneForMs(clock.nowMs()) ?? 0) >= goneMs) await this.#giveUp(model);
      else this.#claim(lot, true);
    }
  }

  /** The model is not configured any more. */
  async #giveUp(model: string): Promise<void> {
    const { book, onFault } = this.#options;
    const message = `model ${JSON.stringify(model)} is not configured any more`;
    const failure = { code: 'model_not_found', message, status: null, retryAfterMs: null };
    try {
      const jobs = await book.claim(model, 2, mostGivenUpAtOnce);
      for (const job of jobs) await book.finish(job, { kind: 'failed', failure, answer: null });
    } catch (error) {
      onFault(error);
    }
    this.#backlog.changed();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
