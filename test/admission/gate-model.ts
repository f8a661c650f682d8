import { expect } from 'vitest';
import { Permit } from '../../src/admission/permit.ts';
import type { Waiter } from '../../src/admission/waiter.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import { type Arrival, ModelWaiter, type State, type WaiterEvents } from './model-waiter.ts';
import { openGate } from './test-waiter.ts';

interface ModelReplica {
  limit: number;
  isSuspended: boolean;
  isGone: boolean;
}

const max = 6;
const maxBytes = 60;

/** Those of class 3 take none of the places in the queue, and go behind all others. */
const isBounded = ({ priority }: Pick<ModelWaiter, 'priority'>) => priority !== 3;

/** A gate beside the simplest description of what it must do: lists that are searched. */
export class GateModel implements WaiterEvents {
  readonly #opened;
  readonly #waiters: ModelWaiter[] = [];
  readonly #replicas = new Map<string, ModelReplica>();
  #numbers = 0;
  #returns = -1_000_000;
  #failure: PilotlightError | null = null;
  #waitingMs = 0;
  #inFlightMs = 0;
  #entered = 0;
  #endedBefore = 0;

  constructor(strategy: 'auto' | 'least' | 'first' | 'prefix', random: () => number) {
    const balance = { strategy, session: { header: 'x-session' }, maxLoadFactor: 1.25 };
    this.#opened = openGate({ max, maxBytes, balance }, { random });
  }

  enter(arrival: Arrival): void {
    const { gate, clock } = this.#opened;
    const waiter = new ModelWaiter(this, arrival, clock.nowMs() + arrival.timeoutMs);
    this.#waiters.push(waiter);
    const waiting = this.#waiting().filter(isBounded);
    const bytes = waiting.reduce((sum, { held }) => sum + held, 0);
    const isOver = waiting.length >= max || bytes + arrival.bytes > maxBytes;
    const isFull = isBounded(waiter) && isOver;
    const answer = gate.enter(waiter);
    if (!(answer instanceof PilotlightError)) this.#entered++;
    if (answer instanceof PilotlightError) {
      expect([answer.code, isFull]).toEqual(['queue_full', true]);
      waiter.state = 'done';
    } else if (answer === null) {
      expect(isFull).toBe(false);
      waiter.state = 'waiting';
      waiter.number = ++this.#numbers;
    } else this.#grantedAtOnce(waiter, answer);
  }

  /** The replica refuses the connection: it is suspended and the request goes back. */
  fail(pick: number): void {
    const waiter = this.#pick(pick, 'running');
    if (!waiter) return;
    const { gate } = this.#opened;
    const failed = waiter.permit!;
    this.#suspend(failed.replicaId);
    const answer = gate.requeue(waiter);
    if (answer instanceof PilotlightError) {
      expect(answer.code).toBe('queue_timeout');
      expect(waiter.deadlineMs).toBeLessThanOrEqual(this.#opened.clock.nowMs());
      waiter.state = 'done';
    } else if (answer === null) {
      waiter.state = 'waiting';
      waiter.number ??= ++this.#returns;
    } else {
      waiter.state = 'new';
      this.#grantedAtOnce(waiter, answer);
    }
    if (waiter.permit === failed) waiter.permit = null;
    failed.release();
  }

  release(pick: number): void {
    const waiter = this.#pick(pick, 'running');
    if (waiter) this.#release(waiter);
  }

  cancel(pick: number): void {
    const waiter = this.#waiters[pick % Math.max(1, this.#waiters.length)];
    if (!waiter) return;
    if (waiter.state === 'waiting') waiter.state = 'done';
    this.#opened.gate.cancel(waiter);
  }

  grow(pick: number, bytes: number): void {
    const waiter = this.#pick(pick, 'waiting');
    if (!waiter) return;
    const total = this.#waiting()
      .filter(isBounded)
      .reduce((sum, { held }) => sum + held, bytes);
    const error = this.#opened.gate.grow(waiter, bytes);
    expect(error !== null).toBe(isBounded(waiter) && total > maxBytes);
    if (error === null) waiter.held += bytes;
    else waiter.state = 'done';
  }

  failWaiters(): void {
    this.#failure = new PilotlightError('start_failed', 'exited');
    const count = this.#waiting().length;
    expect(this.#opened.gate.failWaiters(this.#failure)).toBe(count);
    this.#failure = null;
  }

  advance(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs++) {
      this.#waitingMs += this.#waiting().length;
      this.#inFlightMs += this.#running().length;
      this.#opened.clock.advanceSync(1);
    }
  }

  addReplica(limit: number): void {
    const id = `r${this.#replicas.size}`;
    this.#replicas.set(id, { limit, isSuspended: false, isGone: false });
    this.#opened.gate.addReplica(id, `http://${id}`, limit);
  }

  setLimit(pick: number, limit: number): void {
    this.#change(pick, (id, replica) => {
      replica.limit = limit;
      this.#opened.gate.setLimit(id, limit);
    });
  }

  suspend(pick: number): void {
    this.#change(pick, (id) => this.#suspend(id));
  }

  reinstate(pick: number): void {
    this.#change(pick, (id, replica) => {
      replica.isSuspended = false;
      this.#opened.gate.reinstate(id);
    });
  }

  removeReplica(pick: number): void {
    this.#change(pick, (id, replica) => {
      replica.isGone = true;
      this.#opened.gate.removeReplica(id);
    });
  }

  /** What must hold between any two steps. */
  check(): void {
    const { gate, clock } = this.#opened;
    const waiting = this.#waiting();
    const running = this.#running();
    expect(gate.waiting).toBe(waiting.length);
    expect(gate.waitingBytes).toBe(waiting.filter(isBounded).reduce((sum, { held }) => sum + held, 0));
    expect(gate.inFlight).toBe(running.length);
    for (const id of this.#replicas.keys()) expect(gate.inFlightOf(id)).toBe(this.#loadOf(id));
    expect(gate.idleSinceMs === null).toBe(waiting.length + running.length > 0);
    expect(gate.demand).toMatchObject({ waitingMs: this.#waitingMs, inFlightMs: this.#inFlightMs });
    expect(gate.demand.arrived).toBe(this.#entered);
    expect(gate.demand.ended).toBeGreaterThanOrEqual(this.#endedBefore);
    this.#endedBefore = gate.demand.ended;
    const timed = waiting.filter(({ deadlineMs }) => deadlineMs < Number.POSITIVE_INFINITY);
    expect(clock.pendingTimers).toBe(timed.length > 0 ? 1 : 0);
    expect(timed.every(({ deadlineMs }) => deadlineMs > clock.nowMs())).toBe(true);
    if (waiting.length > 0) expect([...this.#replicas.keys()].filter((id) => this.#hasRoom(id))).toEqual([]);
    for (const waiter of waiting) {
      const place = this.#laneOf(waiter).indexOf(waiter) + 1;
      expect(gate.position(waiter)).toBeGreaterThanOrEqual(place);
      expect(gate.position(waiter)).toBeLessThanOrEqual(waiting.length);
    }
  }

  /** Lets everything end; nobody may be left. */
  finish(): void {
    this.addReplica(0);
    for (let i = 0; i < this.#waiters.length; i++) this.release(0);
    this.check();
    expect(this.#waiters.every(({ state }) => state === 'done')).toBe(true);
    expect([this.#opened.gate.waiting, this.#opened.gate.inFlight]).toEqual([0, 0]);
  }

  onLaterGrant(waiter: ModelWaiter, permit: Permit): void {
    expect(waiter.state).toBe('waiting');
    expect(this.#laneOf(waiter)[0]).toBe(waiter);
    if (!isBounded(waiter)) expect(this.#waiting().filter(isBounded)).toEqual([]);
    this.#run(waiter, permit);
  }

  onRefused(waiter: ModelWaiter, error: PilotlightError): void {
    expect(waiter.state).toBe('waiting');
    waiter.state = 'done';
    if (error === this.#failure) return;
    expect(error.code).toBe('queue_timeout');
    expect(waiter.deadlineMs).toBeLessThanOrEqual(this.#opened.clock.nowMs());
  }

  #grantedAtOnce(waiter: ModelWaiter, permit: Permit): void {
    expect(permit).toBeInstanceOf(Permit);
    expect(this.#waiting()).toEqual([]);
    this.#run(waiter, permit);
  }

  #run(waiter: ModelWaiter, permit: Permit): void {
    expect(this.#hasRoom(permit.replicaId)).toBe(true);
    waiter.state = 'running';
    waiter.permit = permit;
    const { entersAtOnce, releasesAtOnce } = waiter.arrival;
    if (entersAtOnce) this.enter({ ...waiter.arrival, entersAtOnce: false });
    if (releasesAtOnce) this.#release(waiter);
  }

  #release(waiter: ModelWaiter): void {
    waiter.state = 'done';
    waiter.permit!.release();
    waiter.permit!.release();
  }

  #suspend(id: string): void {
    this.#replicas.get(id)!.isSuspended = true;
    this.#opened.gate.suspend(id);
  }

  #change(pick: number, fn: (id: string, replica: ModelReplica) => void): void {
    const present = [...this.#replicas].filter(([, { isGone }]) => !isGone);
    const chosen = present[pick % Math.max(1, present.length)];
    if (chosen) fn(...chosen);
  }

  #pick(pick: number, state: State): ModelWaiter | undefined {
    const all = this.#waiters.filter((waiter) => waiter.state === state);
    return all[pick % Math.max(1, all.length)];
  }

  #running(): ModelWaiter[] {
    return this.#waiters.filter(({ state }) => state === 'running');
  }

  #waiting(): ModelWaiter[] {
    return this.#waiters.filter(({ state }) => state === 'waiting');
  }

  #laneOf({ priority, tenant }: Waiter): ModelWaiter[] {
    return this.#waiting()
      .filter((it) => it.priority === priority && it.tenant === tenant)
      .sort((a, b) => a.number! - b.number!);
  }

  #loadOf(id: string): number {
    return this.#waiters.filter(({ state, permit }) => state === 'running' && permit?.replicaId === id)
      .length;
  }

  #hasRoom(id: string): boolean {
    const { limit, isSuspended, isGone } = this.#replicas.get(id)!;
    return !isSuspended && !isGone && (limit === 0 || this.#loadOf(id) < limit);
  }
}
