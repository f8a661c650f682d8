import type { Cancel, Clock } from '../core/clock.ts';
import type { NewEvent } from './step.ts';

/** How pieces are written. */
export interface PieceLogOptions {
  readonly clock: Clock;
  /** Writes them in this order; rejects when the store cannot be asked: then they are written with the next ones. */
  write(events: readonly NewEvent[]): Promise<void>;
}

const flushMs = 50;
/** So many that are not written yet make the source wait. */
const mostPending = 512;

/** Pieces of a job's output on their way into its events: written together, at the latest after 50 ms. One write at a time. */
export class PieceLog {
  readonly #options: PieceLogOptions;
  #pending: NewEvent[] = [];
  #writing: Promise<void> = Promise.resolve();
  #cancel: Cancel | null = null;

  constructor(options: PieceLogOptions) {
    this.#options = options;
  }

  /** Takes pieces; what it returns is to be awaited before the next. */
  add(pieces: readonly string[]): Promise<void> | null {
    for (const data of pieces) this.#pending.push({ type: 'output', data });
    if (this.#pending.length === 0) return null;
    if (this.#pending.length >= mostPending) return this.#flush();
    const { clock } = this.#options;
    this.#cancel ??= clock.setTimer(clock.nowMs() + flushMs, () => void this.#flush());
    return null;
  }

  #flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const events = this.#pending;
    if (events.length === 0) return;
    this.#pending = [];
    try {
      await this.#options.write(events);
    } catch {
      // It may have been written or not: those who follow rather see a piece twice than not at all.
      this.#pending = [...events, ...this.#pending];
    }
  }

  /** No more come: what is not written yet, for the write that ends the job. */
  async close(): Promise<readonly NewEvent[]> {
    this.#cancel?.();
    await this.#writing;
    this.#cancel?.();
    return this.#pending.splice(0);
  }
}
