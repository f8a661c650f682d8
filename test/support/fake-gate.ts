import type { Clock } from '../../src/core/clock.ts';
import type { PilotlightError } from '../../src/core/errors.ts';
import type { GateControl } from '../../src/core/gate.ts';
import type { DemandTotals } from '../../src/core/scaling.ts';
import { noDemand } from './scale-settings.ts';

interface FakeReplica {
  limit: number;
  isSuspended: boolean;
  inFlight: number;
}

/** A gate of which the test sets who waits and what runs. */
export class FakeGate implements GateControl {
  readonly #clock: Clock;
  readonly replicas = new Map<string, FakeReplica>();
  readonly failures: PilotlightError[] = [];
  readonly backlog = 0;
  oldestWaitMs = 0;
  refusal: PilotlightError | null = null;
  #waiting = 0;
  #idleSinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#idleSinceMs = clock.nowMs();
  }

  get waiting(): number {
    return this.#waiting;
  }

  set waiting(count: number) {
    this.#waiting = count;
    this.#idleSinceMs = this.#clock.nowMs();
  }

  get inFlight(): number {
    return [...this.replicas.values()].reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  get idleSinceMs(): number | null {
    return this.waiting + this.inFlight === 0 ? this.#idleSinceMs : null;
  }

  /** No sums are kept: what decides by them has tests of its own. */
  get demand(): DemandTotals {
    return noDemand;
  }

  /** Ids of the replicas that take requests. */
  get open(): string[] {
    return [...this.replicas].filter(([, { isSuspended }]) => !isSuspended).map(([id]) => id);
  }

  run(id: string, inFlight: number): void {
    this.replicas.get(id)!.inFlight = inFlight;
    this.#idleSinceMs = this.#clock.nowMs();
  }

  addReplica(id: string, _origin: string, limit: number): void {
    if (this.replicas.has(id)) throw new Error(`replica ${id} was added twice`);
    this.replicas.set(id, { limit, isSuspended: false, inFlight: 0 });
  }

  setLimit(id: string, limit: number): void {
    this.replicas.get(id)!.limit = limit;
  }

  suspend(id: string): void {
    this.replicas.get(id)!.isSuspended = true;
  }

  reinstate(id: string): void {
    this.replicas.get(id)!.isSuspended = false;
  }

  removeReplica(id: string): void {
    this.replicas.delete(id);
  }

  inFlightOf(id: string): number {
    return this.replicas.get(id)?.inFlight ?? 0;
  }

  failWaiters(error: PilotlightError): number {
    const count = this.#waiting;
    if (count > 0) this.failures.push(error);
    this.waiting = 0;
    return count;
  }

  refuse(error: PilotlightError | null): void {
    this.refusal = error;
  }
}
