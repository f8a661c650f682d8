import type { Needs, Place } from '../../core/room.ts';
import { type GpuState, type Holding, isAtOdds, isStaying, type TenantState, type World } from './world.ts';

/** One GPU in the books. */
export interface Slot {
  readonly gpu: GpuState;
  /** What there is for tenants. */
  readonly capacityBytes: number;
  /** Not taken by anybody. */
  nowBytes: number;
  /** As it will be when all that go have gone and those that were promised room have come: negative where they cannot yet. */
  laterBytes: number;
  /** Measured, less what those need that start there; null: not measured. */
  measuredBytes: number | null;
  /** Models to which room was given or promised here by this plan. */
  readonly promisedTo: string[];
}

/** The measure and the sums of the books are never equal to the byte. */
const measureSlack = 0.01;

/** What is free, now and when those that go have gone. Kept while a plan is made. */
export class Books {
  readonly slots: readonly Slot[];
  hostNowBytes: number;
  hostLaterBytes: number;
  /** Starts that may begin now. */
  startsLeft: number;
  /** Replicas that start. */
  starting = 0;
  readonly #tenants: readonly TenantState[];
  readonly #slotById: ReadonlyMap<string, Slot>;
  /** Tenants with a replica, by when: those that leave are there only now. */
  readonly #isHereNow = new Set<TenantState>();
  readonly #staysLater = new Map<TenantState, number>();
  readonly #hasOdds: boolean;

  constructor({ gpus, hostBytes, maxStarting, tenants }: World) {
    this.#tenants = tenants;
    this.slots = gpus.map((gpu) => {
      const capacityBytes = gpu.memoryBytes - gpu.othersBytes;
      const free = { nowBytes: capacityBytes, laterBytes: capacityBytes, measuredBytes: gpu.freeBytes };
      return { gpu, capacityBytes, ...free, promisedTo: [] };
    });
    this.#slotById = new Map(this.slots.map((slot) => [slot.gpu.id, slot]));
    this.hostNowBytes = hostBytes ?? Number.POSITIVE_INFINITY;
    this.hostLaterBytes = this.hostNowBytes;
    this.startsLeft = maxStarting ?? Number.POSITIVE_INFINITY;
    this.#hasOdds = tenants.some(({ group }) => group?.isSwapped === true || group?.isExclusive === true);
    for (const tenant of tenants) for (const holding of tenant.holdings) this.#enter(tenant, holding);
  }

  #enter(tenant: TenantState, holding: Holding): void {
    this.#isHereNow.add(tenant);
    this.#takeNow(holding.needs, holding.place, holding.state === 'starting');
    if (isStaying(holding)) this.promise(tenant, holding.needs, holding.place);
  }

  /** The slots of a place; a GPU that is not there any more has none. */
  slotsOf({ gpus }: Place): Slot[] {
    return gpus.flatMap((id) => this.#slotById.get(id) ?? []);
  }

  /** GPUs on which it could run if they were empty. */
  slotsFor(needs: Needs): Slot[] {
    return this.slots.filter(
      (slot) =>
        (needs.pool === null || slot.gpu.pool === needs.pool) && slot.capacityBytes >= bytesOn(slot, needs),
    );
  }

  /** Those that must be gone before it may run: with a replica that stays, or one promised. */
  inTheWayLater(tenant: TenantState): TenantState[] {
    if (!this.#hasOdds) return [];
    return this.#tenants.filter((other) => this.#staysLater.has(other) && isAtOdds(tenant, other));
  }

  /** Its replicas that stay, with those that were promised room. */
  countLater(tenant: TenantState): number {
    return this.#staysLater.get(tenant) ?? 0;
  }

  /** Whether one that must be gone before it may run is still there. */
  isShutOutNow(tenant: TenantState): boolean {
    return this.#hasOdds && [...this.#isHereNow].some((other) => isAtOdds(tenant, other));
  }

  /** The best place once all that go have gone; null: there is none. */
  placeLater(tenant: TenantState): Place | null {
    if (tenant.needs.hostBytes > this.hostLaterBytes || this.inTheWayLater(tenant).length > 0) return null;
    return this.#bestOf(tenant.needs, () => true);
  }

  /** The best place of those that are free and stay free; null: there is none. */
  placeNow(tenant: TenantState): Place | null {
    const { needs } = tenant;
    if (needs.hostBytes > this.hostNowBytes || this.isShutOutNow(tenant)) return null;
    return this.#bestOf(needs, (slot) => slot.nowBytes >= bytesOn(slot, needs) && isMeasuredFor(slot, needs));
  }

  /** Best fit: where the least is left over. */
  #bestOf(needs: Needs, isGood: (slot: Slot) => boolean): Place | null {
    const restOf = (slot: Slot) => slot.laterBytes - bytesOn(slot, needs);
    const fitting = this.slotsFor(needs).filter((slot) => restOf(slot) >= 0 && isGood(slot));
    if (fitting.length < needs.gpus) return null;
    const best = new Set(fitting.toSorted((a, b) => restOf(a) - restOf(b)).slice(0, needs.gpus));
    return { gpus: this.slots.filter((slot) => best.has(slot)).map(({ gpu }) => gpu.id) };
  }

  /** A replica is started there. */
  grant(tenant: TenantState, place: Place): void {
    this.#isHereNow.add(tenant);
    this.#takeNow(tenant.needs, place, true);
    this.promise(tenant, tenant.needs, place, true);
  }

  /** From now on nobody else may count on it. */
  promise(tenant: TenantState, needs: Needs, place: Place, isToCome = false): void {
    for (const slot of this.slotsOf(place)) {
      slot.laterBytes -= bytesOn(slot, needs);
      if (isToCome) slot.promisedTo.push(tenant.model);
    }
    this.hostLaterBytes -= needs.hostBytes;
    this.#staysLater.set(tenant, this.countLater(tenant) + 1);
  }

  /** One that was to stay goes. */
  letGo(tenant: TenantState, { needs, place }: Holding): void {
    for (const slot of this.slotsOf(place)) slot.laterBytes += bytesOn(slot, needs);
    this.hostLaterBytes += needs.hostBytes;
    const left = this.countLater(tenant) - 1;
    if (left === 0) this.#staysLater.delete(tenant);
    else this.#staysLater.set(tenant, left);
  }

  /** One that starts and is let go does not start any more. */
  endStart({ needs, place }: Holding): void {
    this.startsLeft++;
    this.starting--;
    for (const slot of this.slotsOf(place))
      if (slot.measuredBytes !== null) slot.measuredBytes += bytesOn(slot, needs);
  }

  /** Whether one that goes could stay after all. */
  canStay(tenant: TenantState, { needs, place }: Holding): boolean {
    return (
      this.slotsOf(place).every((slot) => slot.laterBytes >= bytesOn(slot, needs)) &&
      needs.hostBytes <= this.hostLaterBytes &&
      this.inTheWayLater(tenant).length === 0
    );
  }

  #takeNow(needs: Needs, place: Place, isStarting: boolean): void {
    for (const slot of this.slotsOf(place)) {
      const bytes = bytesOn(slot, needs);
      slot.nowBytes -= bytes;
      if (isStarting && slot.measuredBytes !== null) slot.measuredBytes -= bytes;
    }
    this.hostNowBytes -= needs.hostBytes;
    if (!isStarting) return;
    this.startsLeft--;
    this.starting++;
  }
}

/** What a replica takes of a GPU: where it needs the whole one, all that others leave. Pure. */
export function bytesOn({ capacityBytes }: Slot, { memoryBytes }: Needs): number {
  return memoryBytes ?? Math.max(1, capacityBytes);
}

/** Whether what was measured is enough. Pure. */
function isMeasuredFor(slot: Slot, needs: Needs): boolean {
  if (slot.measuredBytes === null) return true;
  return slot.measuredBytes >= bytesOn(slot, needs) - measureSlack * slot.gpu.memoryBytes;
}
