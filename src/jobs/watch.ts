import type { JobNote, JobStore } from '../core/job-store.ts';

/** News of one job, for somebody who waits for it. Made before the job is read, so that nothing falls in between. */
export interface JobNews {
  /** What was told last; null: nothing since it was opened. */
  readonly latest: JobNote | null;
  /** Resolves when something was told since the last wait began, or the signal is aborted. One wait at a time. */
  next(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Hands what the store tells of its jobs to those who wait for one of them: one listener, however many wait. */
export class JobWatch {
  readonly #newsById = new Map<string, Set<News>>();
  readonly #unwatch: () => void;

  constructor(store: Pick<JobStore, 'watch'>) {
    this.#unwatch = store.watch((note) => {
      for (const news of this.#newsById.get(note.id) ?? []) news.tell(note);
    });
  }

  /** Must be closed. */
  open(id: string): JobNews {
    const listeners = this.#newsById.get(id) ?? new Set();
    const news = new News(() => {
      listeners.delete(news);
      if (listeners.size === 0 && this.#newsById.get(id) === listeners) this.#newsById.delete(id);
    });
    this.#newsById.set(id, listeners.add(news));
    return news;
  }

  /** Jobs that somebody waits for. */
  get size(): number {
    return this.#newsById.size;
  }

  close(): void {
    this.#unwatch();
  }
}

class News implements JobNews {
  latest: JobNote | null = null;
  readonly close: () => void;
  #isFresh = false;
  #wake: (() => void) | null = null;

  constructor(close: () => void) {
    this.close = close;
  }

  tell(note: JobNote): void {
    this.latest = note;
    this.#isFresh = true;
    this.#wake?.();
  }

  async next(signal: AbortSignal): Promise<void> {
    if (!this.#isFresh && !signal.aborted) await this.#told(signal);
    this.#isFresh = false;
  }

  #told(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#wake = null;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
