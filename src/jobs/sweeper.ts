import type { Cancel, Clock } from '../core/clock.ts';
import type { JobBook } from './book.ts';

/** What a sweeper works with. */
export interface SweeperOptions {
  readonly clock: Clock;
  readonly book: JobBook;
  /** A look failed; it is repeated. */
  readonly onFault: (error: unknown) => void;
}

/** What is due is looked at that late at most. */
const longestPauseMs = 1_000;
/** And not more often than that, however much is due. */
const shortestPauseMs = 20;
const pageSize = 500;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Does what time makes due: deadlines, next attempts, leases of workers that were not heard of, jobs and documents that were kept
 * long enough, blobs that a crash left behind. Several at once on one store do no harm.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #cancelTimer: Cancel = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;
  #collectAtMs: number;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#collectAtMs = options.clock.nowMs() + hourMs;
  }

  /**
   * Begins to look. On a store that no other process uses, all leases are those of a process that has ended: what it ran is in
   * the queue again when this resolves. Rejects with store_unavailable.
   */
  async start(): Promise<void> {
    const { book } = this.#options;
    if (!book.store.isShared) await this.#takeOver(book);
    this.#schedule(0);
  }

  /** Resolves when the look that is under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    await this.#running;
  }

  /** A lease ends within `jobs.lease`, so all that are held are among what is due by then. */
  async #takeOver(book: JobBook): Promise<void> {
    const untilMs = book.store.nowMs() + book.settings.leaseMs;
    for (let limit = pageSize; ; limit *= 2) {
      const ids = await book.store.due(untilMs, limit);
      for (let from = 0; from < ids.length; from += pageSize) {
        await book.look(ids.slice(from, from + pageSize), (owner) => !book.isOwn(owner));
      }
      if (ids.length < limit) return;
    }
  }

  #schedule(inMs: number): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.setTimer(clock.nowMs() + inMs, () => {
      this.#running = this.#sweep().then((nextInMs) => this.#schedule(nextInMs));
    });
  }

  /** Returns in how many ms it is to be done again. */
  async #sweep(): Promise<number> {
    try {
      const isMore = await this.#look();
      await this.#forget();
      await this.#collect();
      return isMore ? shortestPauseMs : await this.#pauseMs();
    } catch (error) {
      this.#options.onFault(error);
      return longestPauseMs;
    }
  }

  /** Whether there may be more. */
  async #look(): Promise<boolean> {
    const { store } = this.#options.book;
    const ids = await store.due(store.nowMs(), pageSize);
    if (ids.length === 0) return false;
    const changed = await this.#options.book.look(ids, () => false);
    return changed > 0 && ids.length === pageSize;
  }

  async #pauseMs(): Promise<number> {
    const { store } = this.#options.book;
    const nextMs = await store.nextDueMs();
    const inMs = nextMs === null ? longestPauseMs : nextMs - store.nowMs();
    return Math.min(longestPauseMs, Math.max(shortestPauseMs, inMs));
  }

  async #forget(): Promise<void> {
    const { store } = this.#options.book;
    for (const { kind, id } of await store.documents.expired(store.nowMs(), pageSize)) {
      await store.documents.delete(kind, id);
    }
  }

  async #collect(): Promise<void> {
    const { clock, book } = this.#options;
    if (clock.nowMs() < this.#collectAtMs) return;
    this.#collectAtMs = clock.nowMs() + hourMs;
    await book.bodies.collect(dayMs);
  }
}
