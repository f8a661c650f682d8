import type { Cancel, Clock } from '../core/clock.ts';
import { IndexedHeap } from './indexed-heap.ts';
import type { Ticket } from './waiter.ts';

/**
 * The deadlines of a queue over one timer. The timer may be early (who it was set for has left) and is then set
 * again; with no deadline left there is none.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #onPassed: (ticket: Ticket, nowMs: number) => void;
  readonly #heap = new IndexedHeap<Ticket>((a, b) => a.deadlineMs < b.deadlineMs);
  #cancelTimer: Cancel | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;

  /** `onPassed` must remove the ticket. */
  constructor(clock: Clock, onPassed: (ticket: Ticket, nowMs: number) => void) {
    this.#clock = clock;
    this.#onPassed = onPassed;
  }

  add(ticket: Ticket): void {
    if (ticket.deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#heap.push(ticket);
    if (ticket.deadlineMs < this.#timerAtMs) this.#arm(ticket.deadlineMs);
  }

  remove(ticket: Ticket): void {
    this.#heap.remove(ticket);
    if (this.#heap.size === 0) this.#disarm();
  }

  #arm(atMs: number): void {
    this.#disarm();
    this.#timerAtMs = atMs;
    this.#cancelTimer = this.#clock.setTimer(atMs, () => this.#fire());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#disarm();
    const nowMs = this.#clock.nowMs();
    for (let first = this.#heap.first; first && first.deadlineMs <= nowMs; first = this.#heap.first) {
      this.#heap.remove(first);
      this.#onPassed(first, nowMs);
    }
    const next = this.#heap.first;
    if (next && next.deadlineMs < this.#timerAtMs) this.#arm(next.deadlineMs);
  }
}
