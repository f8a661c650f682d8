import type { Cancel, Clock } from '../core/clock.ts';
import type { PilotlightError } from '../core/errors.ts';
import type { GateControl } from '../core/gate.ts';
import type { DemandTotals } from '../core/scaling.ts';
import type { Gate } from './gate.ts';
import type { GateSettings } from './gate-options.ts';

/** What a handover knows besides its own gate. */
export interface HandoverOptions {
  readonly gate: Gate;
  readonly clock: Clock;
  /** Requests that other revisions of the model have running at this server (`http://host:port`). */
  othersAt(server: string): number;
  /** Somebody else takes those who wait, instead of this refusal: true when that has happened. */
  rescue(error: PilotlightError): boolean;
}

interface Place {
  readonly origin: string;
  readonly server: string;
  /** What activation set; 0 = no limit. */
  limit: number;
  isSuspended: boolean;
  isInGate: boolean;
  /** Nothing is left of its limit while others' requests run there. */
  isWithheld: boolean;
}

/** Between two looks at what others still have running at an address that both use. */
const lookMs = 20;

/**
 * A gate as activation sees it, while one revision of a model follows another. Both may have the same server (a fixed
 * URL that stays in the list): what the other still has running there counts against the limit, so that the sum never
 * exceeds it.
 */
export class Handover implements GateControl {
  readonly #options: HandoverOptions;
  readonly #gate: Gate;
  readonly #placeById = new Map<string, Place>();
  /** Kept until its last request has ended, also after the replica was removed. */
  readonly #serverById = new Map<string, string>();
  #cancelLook: Cancel | null = null;
  #isTaking = false;
  #isClosed = false;

  constructor(options: HandoverOptions) {
    this.#options = options;
    this.#gate = options.gate;
  }

  get waiting(): number {
    return this.#gate.waiting + this.#gate.backlog;
  }

  get backlog(): number {
    return this.#gate.backlog;
  }

  get oldestWaitMs(): number {
    return this.#gate.oldestWaitMs;
  }

  get inFlight(): number {
    return this.#gate.inFlight;
  }

  get idleSinceMs(): number | null {
    return this.#gate.idleSinceMs;
  }

  get demand(): DemandTotals {
    return this.#gate.demand;
  }

  /** Whether who enters is to wait although no replica takes requests: others fill its limit, or it was let in. */
  get isHolding(): boolean {
    return (
      this.#isTaking ||
      [...this.#placeById.values()].some(({ isWithheld, isSuspended }) => isWithheld && !isSuspended)
    );
  }

  /** Requests of this revision that run at a server. */
  inFlightAt(server: string): number {
    let sum = 0;
    for (const [id, at] of this.#serverById) {
      const running = this.#gate.inFlightOf(id);
      if (running === 0 && !this.#placeById.has(id)) this.#serverById.delete(id);
      else if (at === server) sum += running;
    }
    return sum;
  }

  addReplica(id: string, origin: string, limit: number): void {
    const server = serverOf(origin);
    const place = { origin, server, limit, isSuspended: false, isInGate: false, isWithheld: false };
    this.#serverById.set(id, server);
    this.#placeById.set(id, place);
    this.#open(id, place);
  }

  setLimit(id: string, limit: number): void {
    const place = this.#placeById.get(id);
    if (place === undefined) return;
    place.limit = limit;
    this.#open(id, place);
  }

  suspend(id: string): void {
    const place = this.#placeById.get(id);
    if (place !== undefined) place.isSuspended = true;
    this.#gate.suspend(id);
  }

  reinstate(id: string): void {
    const place = this.#placeById.get(id);
    if (place === undefined) return;
    place.isSuspended = false;
    this.#open(id, place);
    if (place.isInGate && !place.isWithheld) this.#gate.reinstate(id);
  }

  removeReplica(id: string): void {
    this.#placeById.delete(id);
    this.#gate.removeReplica(id);
  }

  inFlightOf(id: string): number {
    return this.#gate.inFlightOf(id);
  }

  failWaiters(error: PilotlightError): number {
    return this.#options.rescue(error) ? 0 : this.#gate.failWaiters(error);
  }

  refuse(error: PilotlightError | null): void {
    this.#gate.refuse(error);
  }

  /**
   * Takes the place of another: counts what that one has running, and lets in by `enter` whom it had accepted, beyond
   * the bounds of the queue. `settings` are those of the gate.
   */
  take(settings: GateSettings, enter: () => void): void {
    this.#look();
    this.#isTaking = true;
    this.#gate.configure({
      ...settings,
      max: Number.POSITIVE_INFINITY,
      maxBytes: Number.POSITIVE_INFINITY,
    });
    enter();
    this.#gate.configure(settings);
    this.#isTaking = false;
  }

  #look(): void {
    this.#cancelLook?.();
    this.#cancelLook = null;
    for (const [id, place] of this.#placeById) this.#open(id, place);
  }

  /** No timer is left. */
  close(): void {
    this.#isClosed = true;
    this.#cancelLook?.();
  }

  /** Gives the gate what of the limit others leave. */
  #open(id: string, place: Place): void {
    // The gate hears of it when activation reinstates it: a replica that is added is open.
    if (place.isSuspended && !place.isInGate) return;
    const others = place.limit === 0 ? 0 : this.#options.othersAt(place.server);
    if (others > 0) this.#lookAgain();
    const free = place.limit - others;
    if (place.limit > 0 && free <= 0) {
      place.isWithheld = true;
      if (place.isInGate) this.#gate.suspend(id);
      return;
    }
    const { isWithheld: wasWithheld, isInGate: wasInGate } = place;
    place.isWithheld = false;
    place.isInGate = true;
    if (wasInGate) this.#gate.setLimit(id, free);
    else this.#gate.addReplica(id, place.origin, free);
    if (wasInGate && wasWithheld && !place.isSuspended) this.#gate.reinstate(id);
  }

  #lookAgain(): void {
    const { clock } = this.#options;
    if (this.#isClosed || this.#cancelLook !== null) return;
    this.#cancelLook = clock.setTimer(clock.nowMs() + lookMs, () => this.#look());
  }
}

function serverOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).origin : origin;
}
