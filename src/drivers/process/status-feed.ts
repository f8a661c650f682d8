import type { TargetStatus } from '../../core/driver.ts';

type OnStatus = (status: TargetStatus) => void;

export interface StatusFeedOptions {
  /** Makes the status of the moment. */
  readonly snapshot: () => TargetStatus;
  /** Every watcher was told the last snapshot. */
  readonly onTold: () => void;
  /** A watcher threw. */
  readonly onFault: (error: unknown) => void;
}

/** Tells watchers of every change, never one inside another: a change made by a watcher is told after it returned. */
export class StatusFeed {
  readonly #options: StatusFeedOptions;
  readonly #watchers = new Set<OnStatus>();
  #isTelling = false;
  #hasChanged = false;

  constructor(options: StatusFeedOptions) {
    this.#options = options;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Tells the current state at once, then every change until the signal aborts. */
  async watch(onStatus: OnStatus, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const watcher: OnStatus = (status) => onStatus(status);
    await new Promise<void>((resolve) => {
      const onAbort = () => {
        this.#watchers.delete(watcher);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#watchers.add(watcher);
      this.#tellAll([watcher]);
    });
  }

  publish(): void {
    this.#tellAll(this.#watchers);
  }

  #tellAll(watchers: Iterable<OnStatus>): void {
    if (this.#isTelling) {
      this.#hasChanged = true;
      return;
    }
    this.#isTelling = true;
    for (let next = watchers; this.isWatched; next = this.#watchers) {
      this.#hasChanged = false;
      const status = this.#options.snapshot();
      for (const watcher of next) this.#tell(watcher, status);
      this.#options.onTold();
      if (!this.#hasChanged) break;
    }
    this.#isTelling = false;
  }

  #tell(watcher: OnStatus, status: TargetStatus): void {
    try {
      watcher(status);
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}
