import type {
  Grant,
  Needs,
  Place,
  Placement,
  Room,
  RoomOptions,
  RoomSettings,
  Seat,
  Tenant,
} from '../../core/room.ts';
import { MemoryWatch } from './memory-watch.ts';
import { plan } from './plan.ts';
import { type RoomSnapshot, snapshotOf } from './room-snapshot.ts';
import { TenantSeat } from './tenant-seat.ts';
import type { GpuState, Plan, World } from './world.ts';

/** Memory that is to come free is looked at so often. */
const memoryCheckMs = 500;
/** Whether one of several replicas of a model has fallen idle is not told. */
const replicaCheckMs = 1_000;

/**
 * The room that all models share. Whoever asks and fits is answered at once; whatever else follows (who goes, who may come
 * in another's place) is done in a timer of the same instant, from a plan over all tenants (plan.ts). One timer.
 */
export class SharedRoom implements Room, Placement {
  readonly #options: RoomOptions;
  readonly #seats = new Map<string, TenantSeat>();
  readonly #memory: MemoryWatch | null;
  #settings: RoomSettings;
  /** Something changed since the last plan. */
  #isDirty = false;
  #orders = 0;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | null = null;

  constructor(options: RoomOptions) {
    const { clock, gauge } = options;
    this.#options = options;
    this.#settings = options.settings;
    this.#memory = gauge && new MemoryWatch({ gauge, clock, onRead: () => this.#changed() });
  }

  join(tenant: Tenant): Seat {
    const seat = new TenantSeat(tenant, () => ++this.#orders);
    this.#seats.set(tenant.id, seat);
    return {
      get reason() {
        return seat.reason;
      },
      ask: (desired, isUrgent) => this.#ask(seat, desired, isUrgent),
      changed: () => this.#changed(),
      leave: () => {
        if (this.#seats.get(tenant.id) === seat) this.#seats.delete(tenant.id);
        for (const { place } of seat.held) this.#memory?.moved(place.gpus);
        this.#changed();
      },
    };
  }

  place(targetId: string, replicaId: string): Place | null {
    return this.#seats.get(targetId)?.bind(replicaId) ?? null;
  }

  /** Takes other budgets; who is there stays, also above them. */
  configure(settings: RoomSettings): void {
    this.#settings = settings;
    this.#changed();
  }

  /** Who has what, and who waits for what, in plain JSON. */
  snapshot(): RoomSnapshot {
    const { clock } = this.#options;
    return snapshotOf(this.#world(), clock.nowMs());
  }

  /** No timer is left, and nobody is measured. */
  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#memory?.close();
    this.#seats.clear();
  }

  #ask(seat: TenantSeat, desired: number, isUrgent: boolean): Grant {
    const nowMs = this.#options.clock.nowMs();
    const isOther = this.#look(seat);
    const isAsked = seat.ask(desired, isUrgent, nowMs);
    if (isOther || isAsked) this.#isDirty = true;
    if (seat.missing === 0) {
      seat.reason = null;
      if (this.#isDirty) this.#changed();
    } else if (this.#isDirty) this.#grantNow(seat);
    return { replicas: Math.min(desired, seat.staying), reason: seat.reason };
  }

  /** Gives the one that asks what it gets by a plan of this moment; the rest of the plan is done soon. */
  #grantNow(seat: TenantSeat): void {
    const { id } = seat.tenant;
    const made = this.#plan();
    for (const grant of made.grants) if (grant.tenantId === id) this.#give(seat, grant.place);
    for (const revival of made.revivals) if (revival.tenantId === id) seat.revive(revival.key);
    seat.reason = seat.missing === 0 ? null : (made.waits.get(id) ?? null);
    this.#schedule(this.#options.clock.nowMs());
  }

  #changed(): void {
    this.#isDirty = true;
    if ([...this.#seats.values()].some(({ missing }) => missing > 0))
      this.#schedule(this.#options.clock.nowMs());
  }

  #schedule(atMs: number): void {
    if (this.#cancel !== null && this.#timerAtMs <= atMs) return;
    this.#cancel?.();
    this.#timerAtMs = atMs;
    this.#cancel = this.#options.clock.setTimer(atMs, () => {
      this.#cancel = null;
      this.#tick();
    });
  }

  #tick(): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const made = this.#plan();
    this.#isDirty = false;
    const told = new Set<TenantSeat>();
    for (const [id, seat] of this.#seats) {
      const reason = made.waits.get(id) ?? null;
      if (seat.missing > 0) seat.reason = reason;
    }
    for (const { tenantId, place } of made.grants) {
      const seat = this.#seats.get(tenantId)!;
      this.#give(seat, place);
      told.add(seat);
    }
    for (const { tenantId, key } of made.revivals) {
      const seat = this.#seats.get(tenantId)!;
      seat.revive(key);
      told.add(seat);
    }
    for (const { tenantId, keys, forModel } of made.evictions)
      this.#seats.get(tenantId)?.evict(keys, forModel, nowMs);
    for (const seat of told) seat.tenant.freed();
    this.#lookAgain(made, nowMs);
    // What the others wait for is another now.
    if (told.size + made.evictions.length > 0) this.#schedule(nowMs);
  }

  #lookAgain({ nextAtMs, waits }: Plan, nowMs: number): void {
    if (nextAtMs !== null) this.#schedule(nextAtMs);
    if (waits.size === 0) return;
    if (this.#memory !== null) this.#schedule(nowMs + memoryCheckMs);
    if ([...this.#seats.values()].some(({ staying }) => staying > 1)) this.#schedule(nowMs + replicaCheckMs);
  }

  #give(seat: TenantSeat, place: Place): void {
    seat.grant(place, this.#options.clock.nowMs());
    this.#memory?.moved(place.gpus);
  }

  /** Looks at everybody; whoever waits for memory has it measured. */
  #plan(): Plan {
    for (const seat of this.#seats.values()) this.#look(seat);
    const isWaiting = [...this.#seats.values()].some(({ missing }) => missing > 0);
    if (isWaiting && this.#memory?.isFresh === false) this.#memory.read();
    return plan(this.#world(), this.#options.clock.nowMs());
  }

  /** Returns whether its replicas are others, or in other states. */
  #look(seat: TenantSeat): boolean {
    const { isOther, gone } = seat.look(this.#options.clock.nowMs(), (needs) => this.#anyPlace(needs));
    for (const { gpus } of gone) this.#memory?.moved(gpus);
    return isOther;
  }

  #world(): World {
    const { clock } = this.#options;
    const { hostBytes, maxStarting, maxPassMs } = this.#settings;
    return {
      gpus: this.#gpus(),
      hostBytes,
      maxStarting,
      maxPassMs,
      tenants: [...this.#seats.values()].map((seat) => seat.stateAt(clock.nowMs())),
    };
  }

  #gpus(): GpuState[] {
    return this.#settings.gpus.map((gpu) => ({
      ...gpu,
      othersBytes: this.#memory?.othersBytes(gpu.id, this.#unbookedBytes(gpu.id)) ?? 0,
      freeBytes: this.#memory === null ? null : this.#memory.freeBytes(gpu.id),
    }));
  }

  #unbookedBytes(gpuId: string): number {
    const total = this.#settings.gpus.find(({ id }) => id === gpuId)?.memoryBytes ?? 0;
    const held = [...this.#seats.values()].flatMap((seat) => seat.held);
    return held
      .filter(({ place }) => place.gpus.includes(gpuId))
      .reduce((bytes, { needs }) => bytes - (needs.memoryBytes ?? total), total);
  }

  /** Where a replica that is found is taken to be: on the emptiest GPUs. */
  #anyPlace(needs: Needs): Place {
    const gpus = this.#settings.gpus
      .filter(({ pool }) => needs.pool === null || pool === needs.pool)
      .toSorted((a, b) => this.#unbookedBytes(b.id) - this.#unbookedBytes(a.id))
      .slice(0, needs.gpus);
    return { gpus: gpus.map(({ id }) => id) };
  }
}
