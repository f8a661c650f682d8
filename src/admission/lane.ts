import type { Share } from './fair-schedule.ts';
import type { Ticket } from './waiter.ts';

/** Who waits of one tenant in one priority class, in order of arrival: an intrusive doubly linked list. */
export class Lane implements Share {
  readonly tenant: string;
  readonly stride: number;
  pass = 0;
  turn = 0;
  heapIndex = -1;
  head: Ticket | null = null;
  tail: Ticket | null = null;
  size = 0;

  constructor(tenant: string, stride: number) {
    this.tenant = tenant;
    this.stride = stride;
  }

  append(ticket: Ticket): void {
    this.#link(ticket, this.tail, null);
  }

  /** Puts it before everybody who arrived later; only those who came back like it are passed on the way. */
  restore(ticket: Ticket): void {
    let next = this.head;
    while (next !== null && next.number < ticket.number) next = next.next;
    this.#link(ticket, next === null ? this.tail : next.previous, next);
  }

  unlink(ticket: Ticket): void {
    if (ticket.previous === null) this.head = ticket.next;
    else ticket.previous.next = ticket.next;
    if (ticket.next === null) this.tail = ticket.previous;
    else ticket.next.previous = ticket.previous;
    ticket.previous = null;
    ticket.next = null;
    ticket.lane = null;
    this.size--;
  }

  #link(ticket: Ticket, previous: Ticket | null, next: Ticket | null): void {
    ticket.previous = previous;
    ticket.next = next;
    ticket.lane = this;
    if (previous === null) this.head = ticket;
    else previous.next = ticket;
    if (next === null) this.tail = ticket;
    else next.previous = ticket;
    this.size++;
  }
}
