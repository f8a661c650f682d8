import { IndexedHeap } from './indexed-heap.ts';

/** One who takes turns: `stride` is 1 / weight; the rest belongs to the schedule. */
export interface Share {
  readonly stride: number;
  pass: number;
  turn: number;
  heapIndex: number;
}

/**
 * Self-clocked fair queueing (Golestani, INFOCOM 1994): the share with the lowest finish tag (`pass`) is next, and
 * the clock is the tag served last. A share that leaves needs no memory: its last tag is never above the clock, so it
 * comes back neither ahead of its turn nor punished. Nobody starves: with weights 16:4:1 the last is served at the
 * latest after 16 + 4 others.
 */
export class FairSchedule<T extends Share> {
  readonly #heap = new IndexedHeap<T>((a, b) => a.pass < b.pass || (a.pass === b.pass && a.turn < b.turn));
  #clock = 0;
  #turns = 0;

  get first(): T | undefined {
    return this.#heap.first;
  }

  add(share: T): void {
    share.pass = this.#clock + share.stride;
    share.turn = ++this.#turns;
    this.#heap.push(share);
  }

  /** Makes it the next, for one whose last turn came to nothing; it need not be in the schedule. */
  restore(share: T): void {
    share.pass = this.#clock;
    share.turn = -++this.#turns;
    if (share.heapIndex < 0) this.#heap.push(share);
    else this.#heap.update(share);
  }

  /** Charges a turn to it; it stays, behind those with the same tag. */
  served(share: T): void {
    this.#clock = share.pass;
    share.pass += share.stride;
    share.turn = ++this.#turns;
    this.#heap.update(share);
  }

  remove(share: T): void {
    this.#heap.remove(share);
  }
}
