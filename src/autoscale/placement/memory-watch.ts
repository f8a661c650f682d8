import type { Clock } from '../../core/clock.ts';
import type { MemoryGauge } from '../../core/room.ts';

/** What a memory watch works with. */
export interface MemoryWatchOptions {
  readonly gauge: MemoryGauge;
  readonly clock: Clock;
  /** Something was measured. */
  onRead(): void;
}

/** How old what was measured may be when something is started by it. */
const freshMs = 1_000;
/** Drivers free the memory of an ended process late: until then what is missing is not taken for others' use. */
const settleMs = 10_000;

/** What the machine says of the memory of its GPUs, read when somebody wants to know, one reading at a time. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #life = new AbortController();
  #freeById: ReadonlyMap<string, number> = new Map();
  /** When the last reading began, and when it was there: a tool may take its time. */
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #isReading = false;
  /** When a replica last came, became ready or left, by GPU. */
  readonly #movedAtMs = new Map<string, number>();
  readonly #othersById = new Map<string, number>();

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  /** A replica came to these GPUs, became ready or left: what was measured before is old. */
  moved(gpus: readonly string[]): void {
    const nowMs = this.#options.clock.nowMs();
    for (const id of gpus) this.#movedAtMs.set(id, nowMs);
  }

  /** Free bytes of a GPU; null: the machine does not tell; 0 while that is not known freshly. */
  freeBytes(id: string): number | null {
    if (!this.isFresh || (this.#movedAtMs.get(id) ?? Number.NEGATIVE_INFINITY) > this.#askedAtMs) return 0;
    return this.#freeById.get(id) ?? null;
  }

  get isFresh(): boolean {
    return this.#options.clock.nowMs() < this.#readAtMs + freshMs;
  }

  /** What others use, where `bookedBytes` should be free: measured while nothing moved there for 10 s, and that stands. */
  othersBytes(id: string, bookedBytes: number): number {
    const free = this.#freeById.get(id);
    const movedAtMs = this.#movedAtMs.get(id) ?? Number.NEGATIVE_INFINITY;
    if (free !== undefined && this.#askedAtMs >= movedAtMs + settleMs)
      this.#othersById.set(id, Math.max(0, bookedBytes - free));
    return this.#othersById.get(id) ?? 0;
  }

  /** Reads, unless a reading is on its way. */
  read(): void {
    if (this.#isReading || this.#life.signal.aborted) return;
    this.#isReading = true;
    const askedAtMs = this.#options.clock.nowMs();
    this.#options.gauge.freeBytes(this.#life.signal).then(
      (freeById) => {
        this.#isReading = false;
        this.#freeById = freeById;
        this.#askedAtMs = askedAtMs;
        this.#readAtMs = this.#options.clock.nowMs();
        this.#options.onRead();
      },
      () => {
        // Only when it is closed.
        this.#isReading = false;
      },
    );
  }

  close(): void {
    this.#life.abort();
  }
}
