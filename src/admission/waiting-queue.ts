import { FairSchedule, type Share } from './fair-schedule.ts';
import { Lane } from './lane.ts';
import type { Ticket } from './waiter.ts';

/** The least weight a tenant can have: it bounds how long the others may keep it waiting. */
const minWeight = 0.001;

class ClassQueue implements Share {
  readonly stride: number;
  pass = 0;
  turn = 0;
  heapIndex = -1;
  readonly laneByTenant = new Map<string, Lane>();
  readonly schedule = new FairSchedule<Lane>();

  constructor(weight: number) {
    if (!(weight > 0)) throw new RangeError(`weight of a priority class must be above 0, is ${weight}`);
    this.stride = 1 / weight;
  }
}

/**
 * Who waits, in the order in which slots go out: priority classes by weight, tenants of a class by weight, first come
 * first served inside a class and tenant. Class 3 takes no part in the weights: it is served when nobody else waits.
 */
export class WaitingQueue {
  readonly #classes: readonly [ClassQueue, ClassQueue, ClassQueue, ClassQueue];
  readonly #schedule = new FairSchedule<ClassQueue>();
  readonly #tenantWeight: (tenant: string) => number;
  #size = 0;
  #backgroundSize = 0;
  #bytes = 0;

  constructor(weights: readonly [number, number, number], tenantWeight: (tenant: string) => number) {
    const [high, normal, low] = weights;
    this.#classes = [new ClassQueue(high), new ClassQueue(normal), new ClassQueue(low), new ClassQueue(1)];
    this.#tenantWeight = tenantWeight;
  }

  get size(): number {
    return this.#size;
  }

  /** How many of them are of class 3. */
  get backgroundSize(): number {
    return this.#backgroundSize;
  }

  /** Of their bodies, without those of class 3. */
  get bytes(): number {
    return this.#bytes;
  }

  append(ticket: Ticket): void {
    this.#laneOf(ticket).append(ticket);
    this.#count(ticket);
  }

  /** Back to its old place, which is next in its class and tenant. */
  restore(ticket: Ticket): void {
    const lane = this.#laneOf(ticket);
    const group = this.#classes[ticket.waiter.priority];
    lane.restore(ticket);
    group.schedule.restore(lane);
    if (group !== this.#classes[3]) this.#schedule.restore(group);
    this.#count(ticket);
  }

  /** Who is next. */
  get first(): Ticket | null {
    return this.#nextGroup.schedule.first?.head ?? null;
  }

  get #nextGroup(): ClassQueue {
    return this.#schedule.first ?? this.#classes[3];
  }

  /** Counts a turn of the class and tenant of `first`, which is about to get a slot and must then be removed. */
  charge(): void {
    const group = this.#nextGroup;
    group.schedule.served(group.schedule.first!);
    if (group !== this.#classes[3]) this.#schedule.served(group);
  }

  /** Takes one out that waits, wherever it stands. */
  remove(ticket: Ticket): void {
    const lane = ticket.lane!;
    const group = this.#classes[ticket.waiter.priority];
    lane.unlink(ticket);
    this.#size--;
    if (group === this.#classes[3]) this.#backgroundSize--;
    else this.#bytes -= ticket.bytes;
    if (lane.size > 0) return;
    group.schedule.remove(lane);
    group.laneByTenant.delete(lane.tenant);
    if (group.laneByTenant.size === 0) this.#schedule.remove(group);
  }

  /** More of its body is held. */
  grow(ticket: Ticket, bytes: number): void {
    ticket.bytes += bytes;
    if (ticket.waiter.priority !== 3) this.#bytes += bytes;
  }

  /** An upper bound of its position, 1 = next: exact with one tenant and class as long as nobody has given up. */
  position(ticket: Ticket): number {
    const lane = ticket.lane!;
    const place = Math.min(lane.size, ticket.number - lane.head!.number + 1);
    const others = this.#size - lane.size;
    return (ticket.waiter.priority === 3 ? others : others - this.#backgroundSize) + place;
  }

  /**
   * `nowMs` at which the one came that has waited longest; null: nobody waits. Of each class and tenant only those are looked
   * at that came back without having waited, and the first of the others.
   */
  get oldestAtMs(): number | null {
    let oldestAtMs: number | null = null;
    for (const { laneByTenant } of this.#classes)
      for (const { head } of laneByTenant.values())
        for (let ticket = head; ticket !== null; ticket = ticket.number < 0 ? ticket.next : null)
          oldestAtMs = Math.min(oldestAtMs ?? ticket.enqueuedAtMs, ticket.enqueuedAtMs);
    return oldestAtMs;
  }

  /** Everybody who waits, in order of arrival. */
  tickets(): Ticket[] {
    const all: Ticket[] = [];
    for (const group of this.#classes)
      for (const lane of group.laneByTenant.values())
        for (let ticket = lane.head; ticket !== null; ticket = ticket.next) all.push(ticket);
    return all.sort((a, b) => a.number - b.number);
  }

  #count(ticket: Ticket): void {
    this.#size++;
    if (ticket.waiter.priority === 3) this.#backgroundSize++;
    else this.#bytes += ticket.bytes;
  }

  #laneOf(ticket: Ticket): Lane {
    const { priority, tenant } = ticket.waiter;
    const group = this.#classes[priority];
    const known = group.laneByTenant.get(tenant);
    if (known) return known;
    const lane = new Lane(tenant, 1 / Math.max(minWeight, this.#tenantWeight(tenant)));
    if (group.laneByTenant.size === 0 && priority !== 3) this.#schedule.add(group);
    group.laneByTenant.set(tenant, lane);
    group.schedule.add(lane);
    return lane;
  }
}
