import type { Permit } from '../../src/admission/permit.ts';
import type { Affinity, PriorityClass, Ticket, Waiter } from '../../src/admission/waiter.ts';
import type { PilotlightError } from '../../src/core/errors.ts';

/** What a random request is like; the last two are what it does inside `granted`. */
export interface Arrival {
  readonly priority: PriorityClass;
  readonly tenant: string;
  readonly bytes: number;
  readonly timeoutMs: number;
  readonly affinity: Affinity;
  readonly releasesAtOnce: boolean;
  readonly entersAtOnce: boolean;
}

/** Where a request is, as the model sees it. */
export type State = 'new' | 'waiting' | 'running' | 'done';

/** Who is told what the gate tells a request. */
export interface WaiterEvents {
  onLaterGrant(waiter: ModelWaiter, permit: Permit): void;
  onRefused(waiter: ModelWaiter, error: PilotlightError): void;
}

/** A request that tells the model of everything it is told. */
export class ModelWaiter implements Waiter {
  readonly arrival: Arrival;
  readonly deadlineMs: number;
  readonly #model: WaiterEvents;
  ticket: Ticket | null = null;
  state: State = 'new';
  permit: Permit | null = null;
  /** Order of arrival; null while it never waited. */
  number: number | null = null;
  held: number;

  constructor(model: WaiterEvents, arrival: Arrival, deadlineMs: number) {
    this.#model = model;
    this.arrival = arrival;
    this.deadlineMs = deadlineMs;
    this.held = arrival.bytes;
  }

  get priority(): PriorityClass {
    return this.arrival.priority;
  }

  get tenant(): string {
    return this.arrival.tenant;
  }

  get affinity(): Affinity {
    return this.arrival.affinity;
  }

  get bytes(): number {
    return this.held;
  }

  granted(permit: Permit): void {
    this.#model.onLaterGrant(this, permit);
  }

  refused(error: PilotlightError): void {
    this.#model.onRefused(this, error);
  }
}
