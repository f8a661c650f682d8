import type { PilotlightError } from '../core/errors.ts';
import type { Lane } from './lane.ts';
import type { Permit } from './permit.ts';

/** 0 high, 1 normal, 2 low: of those who wait for an answer. 3: what nobody waits for (jobs), behind all of them. */
export type PriorityClass = 0 | 1 | 2 | 3;

/** What makes one replica better than another for a request. */
export interface Affinity {
  /** Value of the configured header or cookie; requests with the same one go to the same replica. */
  readonly session: string | null;
  /** Chain of block hashes of the prompt: the hash of block n stands for everything up to its end. */
  readonly blocks: readonly number[] | readonly string[];
}

/**
 * Who asks a gate for a slot. The request itself implements it, so that a grant on entering allocates nothing but the
 * permit. Priority and tenant do not change while it waits.
 */
export interface Waiter {
  readonly priority: PriorityClass;
  readonly tenant: string;
  /** Bytes of its body that are held so far; read on entering, later ones are told with `Gate.grow`. */
  readonly bytes: number;
  /** `Clock.nowMs()` at which it gives up; Infinity = never. */
  readonly deadlineMs: number;
  readonly affinity: Affinity | null;
  /** Owned by the gate; begins as null. */
  ticket: Ticket | null;
  /** The later grant: only after `enter` or `requeue` returned null, and never after `cancel`. */
  granted(permit: Permit): void;
  /** The later refusal; a waiter gets at most one of the two. */
  refused(error: PilotlightError): void;
}

/** A waiter's place in a queue: links of its lane, and its index among the deadlines. */
export class Ticket {
  readonly waiter: Waiter;
  /** The gate it was drawn at; numbers of different gates do not compare. */
  readonly owner: object;
  /** Order of arrival at the gate, kept when the waiter comes back after a failed grant. */
  readonly number: number;
  readonly enqueuedAtMs: number;
  readonly deadlineMs: number;
  bytes = 0;
  /** Null while it does not wait. */
  lane: Lane | null = null;
  previous: Ticket | null = null;
  next: Ticket | null = null;
  /** Place among the deadlines; -1 while it is not there. */
  heapIndex = -1;

  constructor(waiter: Waiter, drawn: { owner: object; number: number; nowMs: number }) {
    this.waiter = waiter;
    this.owner = drawn.owner;
    this.number = drawn.number;
    this.enqueuedAtMs = drawn.nowMs;
    this.deadlineMs = waiter.deadlineMs;
  }
}
