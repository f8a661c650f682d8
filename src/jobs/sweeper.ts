import type { Cancel, Clock } from '../core/clock.ts';
import type { JobBook } from './book.ts';

/** What a sweeper works on. */
export interface SweeperOptions {
  readonly book: JobBook;
  readonly clock: Clock;
  /** The store (or the folder of blobs) could not be asked; it goes on by itself. */
  readonly onFault: (error: unknown) => void;
}

/** Jobs that are looked at in one commit. */
const pageLength = 250;
/** After a commit it is asked that late what is due next: many commits, one question. */
const askDelayMs = 100;
/** Without any news: notes of other processes can get lost with a connection. */
const idleMs = 30_000;
const faultDelayMs = 1_000;
/** How often documents whose time is over, and blobs that nobody refers to, are removed. */
const tidyEveryMs = 60_000;
const collectEveryMs = 60 * 60_000;
/** Who writes a blob refers to it within that time. */
const orphanAgeMs = 24 * 60 * 60_000;
/** Where it is noted until when leases may reach. */
const leasesDocument = ['leases', 'latest'] as const;

/**
 * Does what time makes due: jobs expire, are timed out, are tried again, change hands when their worker was not heard of, and go
 * with their bytes when they were kept long enough. Any number of gateways may sweep one store. It sleeps until the next instant.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #due: Round;
  readonly #tidying: Round;
  #unwatch: Cancel = () => undefined;
  #collectAtMs = 0;
  #leasesVersion = 0;

  constructor(options: SweeperOptions) {
    const { clock, onFault } = options;
    this.#options = options;
    this.#due = new Round(clock, () => this.#sweep(), onFault);
    this.#tidying = new Round(clock, () => this.#tidy(), onFault);
  }

  /** Takes over what an earlier process left where the store is this process's alone, then sweeps until `close`. */
  async start(): Promise<void> {
    const { store } = this.#options.book;
    this.#unwatch = store.watch(() => this.#due.within(askDelayMs));
    if (!store.isShared) await this.#adopt();
    this.#due.within(0);
    this.#tidying.within(0);
  }

  /** Ends when what it is about has ended. */
  async close(): Promise<void> {
    this.#unwatch();
    await Promise.all([this.#due.close(), this.#tidying.close()]);
  }

  /** Leases of another process are void: it has ended. Jobs that run are due when their lease ends. */
  async #adopt(): Promise<void> {
    const { book } = this.#options;
    const leasesEndMs = Math.max(await this.#lastLeaseMs(), book.store.nowMs() + book.settings.leaseMs);
    let limit = 1_000;
    let ids = await book.store.due(leasesEndMs, limit);
    while (ids.length === limit) {
      limit *= 4;
      ids = await book.store.due(leasesEndMs, limit);
    }
    for (let from = 0; from < ids.length; from += pageLength)
      await book.look(ids.slice(from, from + pageLength), (owner) => !book.isOwn(owner));
  }

  /** Returns in how many ms there is something to do. */
  async #sweep(): Promise<number> {
    const { book } = this.#options;
    const { store } = book;
    const ids = await store.due(store.nowMs(), pageLength);
    const changed = ids.length === 0 ? 0 : await book.look(ids, () => false);
    if (ids.length === pageLength && changed > 0) return 0;
    const nextMs = await store.nextDueMs();
    return nextMs === null ? idleMs : Math.min(idleMs, Math.max(askDelayMs, nextMs - store.nowMs()));
  }

  /** When the leases of the process before end at the latest: the clock may have been set back since. */
  async #lastLeaseMs(): Promise<number> {
    const found = await this.#options.book.store.documents.get(...leasesDocument);
    this.#leasesVersion = found?.version ?? 0;
    return Number(found?.data.untilMs ?? 0);
  }

  async #noteLeases(): Promise<void> {
    const { store, settings } = this.#options.book;
    const [kind, id] = leasesDocument;
    const nowMs = store.nowMs();
    const data = { untilMs: nowMs + 2 * tidyEveryMs + settings.leaseMs };
    const document = { kind, id, tenant: '', createdAtMs: nowMs, expiresAtMs: null, data };
    if (await store.documents.put(document, this.#leasesVersion)) this.#leasesVersion += 1;
  }

  async #tidy(): Promise<number> {
    const { book, clock } = this.#options;
    if (!book.store.isShared) await this.#noteLeases();
    const { documents } = book.store;
    const over = await documents.expired(book.store.nowMs(), pageLength);
    for (const { kind, id } of over) await documents.delete(kind, id);
    if (over.length === pageLength) return 0;
    if (clock.nowMs() >= this.#collectAtMs) {
      await book.bodies.collect(orphanAgeMs);
      this.#collectAtMs = clock.nowMs() + collectEveryMs;
    }
    return tidyEveryMs;
  }
}

/** Something that is done again and again, never twice at once: it says itself in how many ms. */
class Round {
  readonly #clock: Clock;
  readonly #work: () => Promise<number>;
  readonly #onFault: (error: unknown) => void;
  #cancelTimer: Cancel = () => undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(clock: Clock, work: () => Promise<number>, onFault: (error: unknown) => void) {
    this.#clock = clock;
    this.#work = work;
    this.#onFault = onFault;
  }

  /** The next one begins in `ms` at the latest. */
  within(ms: number): void {
    const atMs = this.#clock.nowMs() + ms;
    if (this.#isClosed || atMs >= this.#timerAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = atMs;
    this.#cancelTimer = this.#clock.setTimer(atMs, () => this.#begin());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    await this.#running;
  }

  #begin(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    if (this.#running === null) this.#running = this.#run();
    else this.within(askDelayMs);
  }

  async #run(): Promise<void> {
    let nextMs = faultDelayMs;
    try {
      nextMs = await this.#work();
    } catch (error) {
      this.#onFault(error);
    }
    this.#running = null;
    this.within(nextMs);
  }
}
