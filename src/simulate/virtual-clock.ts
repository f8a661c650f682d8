import { IndexedHeap } from '../admission/indexed-heap.ts';
import type { Cancel, Clock } from '../core/clock.ts';

/**
 * What goes first among things of the same instant: a request that ends, then one that arrives, then the timers of the
 * code under test. So a request that comes exactly when an idle time has passed still finds its replica.
 */
export type Rank = 'end' | 'arrival' | 'timer';

const orderByRank: Readonly<Record<Rank, number>> = { end: 0, arrival: 1, timer: 2 };

interface Entry {
  readonly atMs: number;
  readonly order: number;
  /** Of those with the same instant and rank, who was set first goes first. */
  readonly turn: number;
  readonly fn: () => void;
  heapIndex: number;
}

function isBefore(a: Entry, b: Entry): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  return a.order === b.order ? a.turn < b.turn : a.order < b.order;
}

/**
 * A Clock that jumps from one timer to the next. Who makes a promise that the code under test goes on with says so
 * (`promised`): then everything that follows from it has run before the next timer, and else no turn of the event loop is
 * spent. The same timers give the same order, always.
 */
export class VirtualClock implements Clock {
  readonly #heap = new IndexedHeap<Entry>(isBefore);
  readonly #wallFromMs: number;
  #nowMs = 0;
  #turns = 0;
  #hasPromises = false;

  /** `wallFromMs`: what `wallMs` is when `nowMs` is 0. */
  constructor(wallFromMs = 0) {
    this.#wallFromMs = wallFromMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallFromMs + this.#nowMs;
  }

  setTimer(atMs: number, fn: () => void): Cancel {
    return this.setEvent('timer', atMs, fn);
  }

  /** As `setTimer`, with its place among those of the same instant. Throws for an instant that is no number. */
  setEvent(rank: Rank, atMs: number, fn: () => void): Cancel {
    if (Number.isNaN(atMs)) throw new RangeError('a timer was set for no instant');
    const at = Math.max(atMs, this.#nowMs);
    const entry: Entry = { atMs: at, order: orderByRank[rank], turn: ++this.#turns, fn, heapIndex: -1 };
    this.#heap.push(entry);
    return () => this.#heap.remove(entry);
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        cancel();
        this.promised();
        reject(signal.reason);
      };
      const cancel = this.setTimer(this.#nowMs + ms, () => {
        signal.removeEventListener('abort', onAbort);
        this.promised();
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** A promise was settled, or made that settles by itself: what waits for it runs before the next timer. */
  promised(): void {
    this.#hasPromises = true;
  }

  /** How many timers are set. */
  get pendingTimers(): number {
    return this.#heap.size;
  }

  /** Fires what falls due up to and including `untilMs`, which is then the time. */
  async runUntil(untilMs: number): Promise<void> {
    await this.#run((atMs) => atMs <= untilMs);
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Fires timers as long as `hasWork` holds before each of them; false: none was left. */
  async runWhile(hasWork: () => boolean): Promise<boolean> {
    await this.#run(hasWork);
    return !hasWork();
  }

  async #run(isWanted: (atMs: number) => boolean): Promise<void> {
    await this.#settle();
    for (let next = this.#heap.first; next !== undefined && isWanted(next.atMs); next = this.#heap.first) {
      if (next.atMs === Number.POSITIVE_INFINITY) return;
      this.#heap.remove(next);
      this.#nowMs = next.atMs;
      next.fn();
      if (this.#hasPromises) await this.#settle();
    }
  }

  /** A turn of the event loop begins only when no reaction of any promise is left. */
  async #settle(): Promise<void> {
    while (this.#hasPromises) {
      this.#hasPromises = false;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
