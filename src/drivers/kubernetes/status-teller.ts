import type { TargetStatus } from '../../core/driver.ts';

/** Tells watchers of a status when it differs from what was told last. */
export class StatusTeller {
  readonly #watchers = new Set<(status: TargetStatus) => void>();
  readonly #snapshot: () => TargetStatus;
  readonly #onFault: (error: unknown) => void;
  #told = '';
  #isPlanned = false;

  constructor(snapshot: () => TargetStatus, onFault: (error: unknown) => void) {
    this.#snapshot = snapshot;
    this.#onFault = onFault;
  }

  /** Tells the current state at once, then every change until the signal aborts. */
  watch(onStatus: (status: TargetStatus) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = (status: TargetStatus) => onStatus(status);
      this.#watchers.add(watcher);
      signal.addEventListener(
        'abort',
        () => {
          this.#watchers.delete(watcher);
          resolve();
        },
        { once: true },
      );
      this.#tell(watcher, this.#snapshot());
    });
  }

  /** Something changed: told with all else of this turn. */
  plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      try {
        this.flush();
      } catch (error) {
        this.#onFault(error);
      }
    });
  }

  /** Tells what changed now. */
  flush(): void {
    const status = this.#snapshot();
    const text = JSON.stringify(status);
    if (text === this.#told) return;
    this.#told = text;
    for (const watcher of [...this.#watchers]) this.#tell(watcher, status);
  }

  #tell(watcher: (status: TargetStatus) => void, status: TargetStatus): void {
    try {
      watcher(status);
    } catch (error) {
      this.#onFault(error);
    }
  }
}
