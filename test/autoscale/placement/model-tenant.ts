import type { SharedRoom } from '../../../src/autoscale/placement/shared-room.ts';
import type { Group, Needs, Place, Seat, Tenant, TenantView } from '../../../src/core/room.ts';
import type { ManualClock } from '../../support/manual-clock.ts';

/** What happens to one model. */
export interface ModelTenantOptions {
  readonly id: string;
  readonly clock: ManualClock;
  readonly room: SharedRoom;
  readonly needs: Needs;
  readonly group: Group | null;
  readonly loadMs: number;
  /** Whether the next start fails. */
  fails(): boolean;
}

interface Replica {
  readonly id: string;
  readonly place: Place;
  state: 'starting' | 'ready' | 'draining' | 'ending';
  inFlight: number;
}

/** How long a replica that was told to end takes to be gone. */
const endMs = 300;

/**
 * A model as the room knows it, as simple as can be: one replica serves any number of requests at once, a start takes its
 * time or fails with its waiters, one that goes serves its last requests first.
 */
export class ModelTenant implements Tenant {
  readonly id: string;
  readonly model: string;
  readonly replicas: Replica[] = [];
  /** Each with when it came and how long it will run. */
  readonly queue: { readonly sinceMs: number; readonly serviceMs: number }[] = [];
  readonly waitsMs: number[] = [];
  /** What must never happen, if it did. */
  readonly broken: string[] = [];
  evictions = 0;
  readonly #options: ModelTenantOptions;
  readonly #seat: Seat;
  #made = 0;
  #arrived = 0;
  #inFlight = 0;
  #idleSinceMs: number | null = 0;

  constructor(options: ModelTenantOptions) {
    this.id = options.id;
    this.model = options.id;
    this.#options = options;
    this.#seat = options.room.join(this);
  }

  get oldestWaitMs(): number {
    const [oldest] = this.queue;
    return oldest === undefined ? 0 : this.#options.clock.nowMs() - oldest.sinceMs;
  }

  view(): TenantView {
    const { needs, group, loadMs } = this.#options;
    return {
      needs,
      group,
      replicas: this.replicas.map(({ id, state, inFlight }) => ({ id, state, inFlight })),
      waiting: this.queue.length,
      inFlight: this.#inFlight,
      arrived: this.#arrived,
      idleSinceMs: this.#idleSinceMs,
      startMs: loadMs,
      returnAtMs: null,
      min: 0,
      isKept: false,
    };
  }

  evict(replicaIds: readonly string[]): void {
    for (const replica of this.replicas) {
      if (!replicaIds.includes(replica.id)) continue;
      this.evictions++;
      if (replica.state === 'starting' && this.queue.length > 0)
        this.broken.push(`${replica.id} was starting`);
      replica.state = 'draining';
      this.#endWhenIdle(replica);
    }
    this.#ask();
  }

  freed(): void {
    this.#ask();
  }

  request(serviceMs: number): void {
    this.#arrived++;
    this.queue.push({ sinceMs: this.#options.clock.nowMs(), serviceMs });
    this.#noteLoad();
    this.#serve();
    this.#ask(true);
  }

  /** Whoever waits loses patience. */
  leave(): void {
    this.queue.length = 0;
    this.#noteLoad();
    this.#ask();
  }

  /** Nobody waits or runs, and its replica is not needed any more. */
  rest(): void {
    if (this.queue.length + this.#inFlight > 0) return;
    for (const replica of this.replicas.filter(({ state }) => state === 'ready')) {
      replica.state = 'draining';
      this.#endWhenIdle(replica);
    }
    this.#ask();
  }

  #ask(isUrgent = false): void {
    const living = this.replicas.filter(({ state }) => state === 'starting' || state === 'ready').length;
    const desired = Math.max(living, this.queue.length + this.#inFlight > 0 ? 1 : 0);
    const { replicas } = this.#seat.ask(desired, isUrgent || this.queue.length > 0);
    if (replicas > living) this.#raise();
  }

  /** One that drains is taken back, else one is started. */
  #raise(): void {
    const back = this.replicas.find(({ state }) => state === 'draining');
    if (back) {
      back.state = 'ready';
      this.#serve();
      this.#ask();
      return;
    }
    const { clock, room, loadMs, fails } = this.#options;
    const id = `${this.id}#${++this.#made}`;
    const place = room.place(this.id, id);
    if (place === null) {
      this.broken.push(`${id} has no place`);
      return;
    }
    const replica: Replica = { id, place, state: 'starting', inFlight: 0 };
    this.replicas.push(replica);
    this.#ask();
    const isFailing = fails();
    clock.setTimer(clock.nowMs() + loadMs, () => {
      if (replica.state !== 'starting') return;
      if (isFailing) {
        this.replicas.splice(this.replicas.indexOf(replica), 1);
        this.leave();
        return;
      }
      replica.state = 'ready';
      this.#serve();
      this.#ask();
    });
  }

  #serve(): void {
    const replica = this.replicas.find(({ state }) => state === 'ready');
    if (replica === undefined) return;
    const { clock } = this.#options;
    for (const { sinceMs, serviceMs } of this.queue.splice(0)) {
      this.waitsMs.push(clock.nowMs() - sinceMs);
      replica.inFlight++;
      this.#inFlight++;
      clock.setTimer(clock.nowMs() + serviceMs, () => this.#served(replica));
    }
    this.#noteLoad();
  }

  #served(replica: Replica): void {
    replica.inFlight--;
    this.#inFlight--;
    if (!this.replicas.includes(replica)) this.broken.push(`a request on ${replica.id} was cut`);
    this.#noteLoad();
    if (replica.state === 'draining') this.#endWhenIdle(replica);
  }

  #endWhenIdle(replica: Replica): void {
    if (replica.inFlight > 0) return;
    const { clock } = this.#options;
    replica.state = 'ending';
    clock.setTimer(clock.nowMs() + endMs, () => {
      this.replicas.splice(this.replicas.indexOf(replica), 1);
      this.#ask();
    });
  }

  #noteLoad(): void {
    const isIdle = this.queue.length + this.#inFlight === 0;
    if (!isIdle) this.#idleSinceMs = null;
    else this.#idleSinceMs ??= this.#options.clock.nowMs();
    if (isIdle) this.#seat.changed();
  }
}
