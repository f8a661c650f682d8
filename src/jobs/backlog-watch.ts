import type { Cancel, Clock } from '../core/clock.ts';
import type { Backlog, JobStore } from '../core/job-store.ts';

/** What a backlog watch looks at, and tells. */
export interface BacklogWatchOptions {
  readonly store: Pick<JobStore, 'backlog'>;
  readonly clock: Clock;
  /** What is queued, of all models. Must not reject. */
  onFound(found: readonly Backlog[]): Promise<void>;
  onFault(error: unknown): void;
}

/** Between two looks, and at least so many times as long as one takes. */
const everyMs = 250;
const restShare = 10;
/** As long as something is queued it is looked at also when nothing is told of it. */
const againMs = 5_000;

/** Counts what is queued: at once when something changes after a while, else seldom enough to cost the store little. */
export class BacklogWatch {
  readonly #options: BacklogWatchOptions;
  #earliestMs = Number.NEGATIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel: Cancel | null = null;
  #isLooking = false;
  #isStale = false;
  #isClosed = false;

  constructor(options: BacklogWatchOptions) {
    this.#options = options;
  }

  /** Something has changed. */
  changed(): void {
    this.#isStale = true;
    if (!this.#isLooking) this.#lookAt(this.#options.clock.nowMs());
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #lookAt(wantedMs: number): void {
    const atMs = Math.max(wantedMs, this.#earliestMs);
    if (this.#isClosed || atMs >= this.#dueMs) return;
    this.#cancel?.();
    this.#dueMs = atMs;
    this.#cancel = this.#options.clock.setTimer(atMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { store, clock, onFound, onFault } = this.#options;
    this.#isLooking = true;
    this.#isStale = false;
    const beganMs = clock.nowMs();
    let isEmpty = false;
    try {
      const found = await store.backlog();
      isEmpty = found.length === 0;
      this.#earliestMs = clock.nowMs() + Math.max(everyMs, restShare * (clock.nowMs() - beganMs));
      if (!this.#isClosed) await onFound(found);
    } catch (error) {
      this.#earliestMs = clock.nowMs() + everyMs;
      onFault(error);
    }
    this.#isLooking = false;
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (this.#isStale) this.#lookAt(clock.nowMs());
    else if (!isEmpty) this.#lookAt(clock.nowMs() + againMs);
  }
}
