import type { Clock } from '../core/clock.ts';
import type { PilotlightError } from '../core/errors.ts';
import { Deadlines } from './deadlines.ts';
import { GrantRate } from './grant-rate.ts';
import { queueFull, queueTimeout, type RefusalContext } from './refusals.ts';
import { Ticket, type Waiter } from './waiter.ts';
import { WaitingQueue } from './waiting-queue.ts';

/** The bounds of a waiting room. */
export interface RoomSettings {
  readonly model: string;
  readonly max: number;
  readonly maxBytes: number;
}

/** What a waiting room is made of. */
export interface RoomOptions<Settings extends RoomSettings> {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly weights: readonly [number, number, number];
  readonly tenantWeight: (tenant: string) => number;
  readonly etaMs: () => number | null;
  /** No replica takes requests. */
  readonly isCold: () => boolean;
  /** One has left. */
  readonly onLeft: () => void;
}

/** The queue of a gate with its bounds and deadlines; it refuses by itself only those whose deadline passes. */
export class WaitingRoom<Settings extends RoomSettings> {
  settings: Settings;
  readonly #options: RoomOptions<Settings>;
  readonly #clock: Clock;
  readonly #queue: WaitingQueue;
  readonly #deadlines: Deadlines;
  readonly #rate = new GrantRate();
  #arrivals = 0;
  /** Below every arrival: who comes back and never waited goes before those who never got a slot. */
  #returns = Number.MIN_SAFE_INTEGER;

  constructor(options: RoomOptions<Settings>) {
    this.settings = options.settings;
    this.#options = options;
    this.#clock = options.clock;
    this.#queue = new WaitingQueue(options.weights, options.tenantWeight);
    this.#deadlines = new Deadlines(options.clock, (ticket, nowMs) => this.#expire(ticket, nowMs));
  }

  get size(): number {
    return this.#queue.size;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  get first(): Waiter | null {
    return this.#queue.first?.waiter ?? null;
  }

  get oldestWaitMs(): number {
    const { oldestAtMs } = this.#queue;
    return oldestAtMs === null ? 0 : this.#clock.nowMs() - oldestAtMs;
  }

  /** Everybody who waits, in order of arrival. */
  waiters(): Waiter[] {
    return this.#queue.tickets().map((ticket) => ticket.waiter);
  }

  /** To the end of its class and tenant; or its refusal. Those of class 3 take no place that others could have. */
  join(waiter: Waiter): PilotlightError | null {
    const nowMs = this.#clock.nowMs();
    const isBounded = waiter.priority !== 3;
    const error =
      this.#late(waiter, nowMs) ?? (isBounded ? (this.#overfull() ?? this.#overweight(waiter.bytes)) : null);
    if (error !== null) return error;
    const ticket = new Ticket(waiter, { owner: this, number: ++this.#arrivals, nowMs });
    this.#seat(ticket);
    this.#queue.append(ticket);
    return null;
  }

  /**
   * To its old place; one that never waited here goes before all of its class and tenant, behind those who came back
   * like it earlier. Refused only when it is late.
   */
  rejoin(waiter: Waiter): PilotlightError | null {
    const nowMs = this.#clock.nowMs();
    const error = this.#late(waiter, nowMs);
    if (error !== null) return error;
    let ticket = waiter.ticket;
    if (ticket?.owner !== this) {
      ticket = new Ticket(waiter, { owner: this, number: ++this.#returns, nowMs });
    }
    this.#seat(ticket);
    this.#queue.restore(ticket);
    return null;
  }

  /** Takes `first` out, who gets a slot. */
  admit(first: Waiter): void {
    this.#queue.charge();
    this.#rate.granted(this.#clock.nowMs());
    this.leave(first);
  }

  /** Takes one out; false when it does not wait here. */
  leave(waiter: Waiter): boolean {
    const ticket = waiter.ticket;
    if (!ticket?.lane) return false;
    this.#queue.remove(ticket);
    this.#deadlines.remove(ticket);
    if (this.#queue.size === 0) this.#rate.emptied();
    this.#options.onLeft();
    return true;
  }

  /** Counts more bytes of one that waits; when that is too much, it is taken out and refused by the answer. */
  grow(waiter: Waiter, bytes: number): PilotlightError | null {
    const ticket = waiter.ticket;
    if (!ticket?.lane) return null;
    const error = waiter.priority === 3 ? null : this.#overweight(bytes);
    if (error === null) this.#queue.grow(ticket, bytes);
    else this.leave(waiter);
    return error;
  }

  /** An upper bound, 1 = next; 0 when it does not wait. */
  position(waiter: Waiter): number {
    return waiter.ticket?.lane ? this.#queue.position(waiter.ticket) : 0;
  }

  #seat(ticket: Ticket): void {
    ticket.waiter.ticket = ticket;
    ticket.bytes = ticket.waiter.bytes;
    this.#deadlines.add(ticket);
  }

  #expire(ticket: Ticket, nowMs: number): void {
    this.leave(ticket.waiter);
    ticket.waiter.refused(queueTimeout(this.#context, nowMs - ticket.enqueuedAtMs));
  }

  #late(waiter: Waiter, nowMs: number): PilotlightError | null {
    if (waiter.deadlineMs > nowMs) return null;
    return queueTimeout(this.#context, nowMs - (waiter.ticket?.enqueuedAtMs ?? nowMs));
  }

  #overfull(): PilotlightError | null {
    const { max } = this.settings;
    const size = this.#queue.size - this.#queue.backgroundSize;
    return size < max ? null : queueFull(this.#context, `${size} of ${max}`);
  }

  #overweight(bytes: number): PilotlightError | null {
    const { maxBytes } = this.settings;
    if (this.#queue.bytes + bytes <= maxBytes) return null;
    return queueFull(this.#context, `${this.#queue.bytes} of ${maxBytes} bytes`);
  }

  get #context(): RefusalContext {
    const retryAfterMs = this.#options.etaMs() ?? this.#rate.drainMs(this.#queue.size);
    return { model: this.settings.model, retryAfterMs, isCold: this.#options.isCold() };
  }
}
