import type { PilotlightError } from '../core/errors.ts';
import type { GateControl } from '../core/gate.ts';
import type { DemandTotals } from '../core/scaling.ts';
import { DemandMeter } from './demand-meter.ts';
import type { GateOptions, GateSettings } from './gate-options.ts';
import { JobDoor } from './job-door.ts';
import { Permit } from './permit.ts';
import { gateClosed } from './refusals.ts';
import type { Replica } from './replica.ts';
import { ReplicaPool } from './replica-pool.ts';
import type { Waiter } from './waiter.ts';
import { WaitingRoom } from './waiting-room.ts';

const defaultWeights = [16, 4, 1] as const;

/**
 * Admission to one revision: slots of its replicas and the queue before them. A slot goes out at once when one is
 * free and nobody waits; else whoever enters waits in a bounded queue until a slot, a refusal or its deadline. Nobody
 * overtakes a waiter of the same class and tenant. Single-threaded and synchronous; `granted` and `refused` may call
 * back into the gate.
 */
export class Gate implements GateControl {
  readonly jobs = new JobDoor({
    spare: () => (this.#room.size > 0 ? 0 : this.#pool.freeSlots),
    onQueued: (jobs, before) => this.#queued(jobs, before),
  });
  readonly #options: GateOptions;
  readonly #room: WaitingRoom<GateSettings>;
  readonly #pool: ReplicaPool;
  readonly #demand: DemandMeter;
  readonly #onRelease = (replica: Replica) => this.#released(replica);
  #refusal: PilotlightError | null = null;
  #closed: PilotlightError | null = null;
  #isPumping = false;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#demand = new DemandMeter(options);
    this.#room = new WaitingRoom({
      ...options,
      weights: options.weights ?? defaultWeights,
      tenantWeight: (tenant) => options.tenantWeight?.(tenant) ?? 1,
      etaMs: () => options.etaMs(),
      isCold: () => this.#pool.openCount === 0,
      onLeft: () => this.#noteChange(),
    });
    this.#pool = new ReplicaPool(options.settings.balance, options.random ?? Math.random);
  }

  /** A permit (the caller must release it), a refusal, or null: the waiter is called later. */
  enter(waiter: Waiter): Permit | PilotlightError | null {
    return this.#closed ?? this.#refusal ?? this.#acquire(waiter, false) ?? this.#wait(waiter, false);
  }

  /**
   * Back to the head of its class and tenant after a permit that came to nothing; never refused as full or paused.
   * The replica that failed must be suspended before, or it may be chosen again.
   */
  requeue(waiter: Waiter): Permit | PilotlightError | null {
    return this.#closed ?? this.#acquire(waiter, true) ?? this.#wait(waiter, true);
  }

  /** Takes a waiter out that is not interested any more; does nothing when it does not wait. */
  cancel(waiter: Waiter): void {
    this.#room.leave(waiter);
  }

  /** More of a waiter's body is held. When that is too much, it is taken out, and what is returned is its refusal. */
  grow(waiter: Waiter, bytes: number): PilotlightError | null {
    return this.#room.grow(waiter, bytes);
  }

  /** 1 = next, an upper bound; 0 when it does not wait. */
  position(waiter: Waiter): number {
    return this.#room.position(waiter);
  }

  /** Takes other settings; who waits already stays, even above a lower maximum. */
  configure(settings: GateSettings): void {
    if (settings.balance !== this.#room.settings.balance) this.#pool.configure(settings.balance);
    this.#room.settings = settings;
  }

  /** Empties the queue without a word to the waiters, for another gate: in order of arrival. */
  takeWaiters(): Waiter[] {
    const waiters = this.#room.waiters();
    for (const waiter of waiters) {
      this.#room.leave(waiter);
      waiter.ticket = null;
    }
    return waiters;
  }

  /** Refuses everybody, now and from now on. Permits that are out stay good. */
  close(): void {
    if (this.#closed) return;
    this.#closed = gateClosed(this.#room.settings.model);
    this.failWaiters(this.#closed);
  }

  get waiting(): number {
    return this.#room.size;
  }

  /** Bytes of the bodies of those who wait. */
  get waitingBytes(): number {
    return this.#room.bytes;
  }

  get oldestWaitMs(): number {
    return this.#room.oldestWaitMs;
  }

  get inFlight(): number {
    return this.#pool.inFlight;
  }

  get idleSinceMs(): number | null {
    return this.#demand.idleSinceMs;
  }

  get demand(): DemandTotals {
    return this.#demand.totals;
  }

  get backlog(): number {
    return this.jobs.queued;
  }

  addReplica(id: string, origin: string, limit: number): void {
    this.#pool.add(id, origin, limit);
    this.#opened();
  }

  setLimit(id: string, limit: number): void {
    this.#pool.setLimit(id, limit);
    this.#opened();
  }

  suspend(id: string): void {
    this.#pool.setSuspended(id, true);
  }

  reinstate(id: string): void {
    this.#pool.setSuspended(id, false);
    this.#opened();
  }

  removeReplica(id: string): void {
    this.#pool.remove(id);
  }

  inFlightOf(id: string): number {
    return this.#pool.inFlightOf(id);
  }

  failWaiters(error: PilotlightError): number {
    let count = 0;
    for (const waiter of this.#room.waiters()) {
      if (!this.#room.leave(waiter)) continue; // gone while another was refused
      count++;
      waiter.refused(error);
    }
    return count;
  }

  refuse(error: PilotlightError | null): void {
    this.#refusal = error;
  }

  #acquire(waiter: Waiter, isBack: boolean): Permit | null {
    if (this.#room.size > 0) return null;
    const replica = this.#pool.acquire(waiter.affinity);
    if (replica === null) return null;
    this.#noteEntry(isBack);
    return new Permit(replica, this.#onRelease);
  }

  #wait(waiter: Waiter, isBack: boolean): Permit | PilotlightError | null {
    const wasCold = this.#pool.openCount === 0;
    if (wasCold) {
      // It may make room at once (a replica that needs no start).
      const outcome = this.#options.whenCold(waiter.deadlineMs) ?? this.#acquire(waiter, isBack);
      if (outcome !== null) return outcome;
    }
    const error = isBack ? this.#room.rejoin(waiter) : this.#room.join(waiter);
    if (error !== null) return error;
    this.#noteEntry(isBack);
    return wasCold ? null : this.#tellDemand(waiter);
  }

  /** Slots that come free meanwhile are held back, so that the one who enters gets its own as the answer. */
  #tellDemand(entering: Waiter): Permit | null {
    const wasPumping = this.#isPumping;
    this.#isPumping = true;
    try {
      this.#options.onDemand();
    } finally {
      this.#isPumping = wasPumping;
    }
    return this.#pump(entering);
  }

  /** Gives free slots to who is next, until there is none of either. Returns what `entering` got. */
  #pump(entering: Waiter | null = null): Permit | null {
    if (this.#isPumping || this.#room.size === 0) return null;
    let own: Permit | null = null;
    this.#isPumping = true;
    try {
      for (let next = this.#room.first; next; next = this.#room.first) {
        const replica = this.#pool.acquire(next.affinity);
        if (replica === null) break;
        const permit = new Permit(replica, this.#onRelease);
        this.#room.admit(next);
        if (next === entering) own = permit;
        else next.granted(permit);
      }
    } finally {
      this.#isPumping = false;
    }
    return own;
  }

  #released(replica: Replica): void {
    this.#pool.release(replica);
    this.#pump();
    this.#noteChange();
    if (this.#room.size === 0) this.jobs.onSpare?.();
  }

  #opened(): void {
    this.#pump();
    if (this.#room.size === 0) this.jobs.onSpare?.();
  }

  #queued(jobs: number, before: number): void {
    this.#demand.backlog = jobs;
    if (jobs > before) this.#options.onBacklog?.();
  }

  #noteEntry(isBack: boolean): void {
    this.#demand.came(isBack);
    this.#noteChange();
  }

  #noteChange(): void {
    this.#demand.changed(this.#room.size, this.#pool.inFlight);
  }
}
