import type { BalanceSettings } from '../config/settings.ts';
import { type Chooser, createChooser } from './choice/chooser.ts';
import { Replica } from './replica.ts';
import type { Affinity } from './waiter.ts';

/** The replicas of a gate and their slots. */
export class ReplicaPool {
  readonly #byId = new Map<string, Replica>();
  readonly #random: () => number;
  #chooser: Chooser;
  #open: readonly Replica[] = [];
  #inFlight = 0;

  constructor(balance: BalanceSettings, random: () => number) {
    this.#random = random;
    this.#chooser = createChooser(balance, random);
  }

  /** Slots in use, those of leaving replicas included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** How many replicas take requests. */
  get openCount(): number {
    return this.#open.length;
  }

  /** Slots that are free; Infinity where a replica has no limit. */
  get freeSlots(): number {
    let sum = 0;
    for (const { limit, inFlight } of this.#open)
      sum += limit === 0 ? Number.POSITIVE_INFINITY : Math.max(0, limit - inFlight);
    return sum;
  }

  /** Takes a slot where it is best; null when every one is in use. */
  acquire(affinity: Affinity | null): Replica | null {
    const replica = this.#chooser.choose(this.#open, affinity);
    if (replica === null) return null;
    replica.inFlight++;
    this.#inFlight++;
    return replica;
  }

  release(replica: Replica): void {
    replica.inFlight--;
    this.#inFlight--;
    if (replica.isLeaving && replica.inFlight === 0) this.#byId.delete(replica.id);
  }

  /** A new balance forgets what the old one learned about sessions. */
  configure(balance: BalanceSettings): void {
    this.#chooser = createChooser(balance, this.#random);
  }

  /** One that is known (leaving, perhaps) stays the same one, so that its requests go on counting. */
  add(id: string, origin: string, limit: number): void {
    const known = this.#byId.get(id);
    if (known) {
      known.limit = limit;
      known.isLeaving = false;
      known.isSuspended = false;
    } else this.#byId.set(id, new Replica(id, origin, limit));
    this.#reopen();
  }

  setLimit(id: string, limit: number): void {
    const replica = this.#byId.get(id);
    if (replica) replica.limit = limit;
  }

  setSuspended(id: string, isSuspended: boolean): void {
    const replica = this.#byId.get(id);
    if (!replica) return;
    replica.isSuspended = isSuspended;
    this.#reopen();
  }

  remove(id: string): void {
    const replica = this.#byId.get(id);
    if (!replica) return;
    replica.isLeaving = true;
    if (replica.inFlight === 0) this.#byId.delete(id);
    this.#reopen();
  }

  inFlightOf(id: string): number {
    return this.#byId.get(id)?.inFlight ?? 0;
  }

  #reopen(): void {
    this.#open = [...this.#byId.values()].filter((replica) => replica.isOpen);
  }
}
