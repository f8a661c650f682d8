/** Gives back what `Slots.acquire` lent; calling it again does nothing. */
export type Release = () => void;

/** A fixed number of places; who finds none free waits in order of arrival. */
export class Slots {
  #free: number;
  #running = 0;
  readonly #waiters = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Resolves with a place; rejects with the signal's reason when aborted while waiting. */
  async acquire(signal: AbortSignal): Promise<Release> {
    signal.throwIfAborted();
    if (this.#free === 0) await this.#wait(signal);
    else this.#free -= 1;
    this.#running += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#release();
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const grant = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiters.delete(grant);
        reject(signal.reason);
      };
      this.#waiters.add(grant);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** The place goes straight to the first waiter, so that nobody who arrives in between can take it. */
  #release(): void {
    this.#running -= 1;
    const [next] = this.#waiters;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiters.delete(next);
    next();
  }
}
