import { type Books, bytesOn, type Slot } from './books.ts';
import type { Holding, TenantState } from './world.ts';

/** A replica that may be made to go. */
export interface Candidate {
  readonly tenant: TenantState;
  readonly holding: Holding;
  /** Of keep-value.ts. */
  readonly valueMs: number;
}

/** For whom, and who may go for it. */
export interface Search {
  readonly claimant: TenantState;
  readonly books: Books;
  readonly candidates: readonly Candidate[];
}

/**
 * The least valuable replicas that must go so that one more of the claimant fits: none of them is needless. null: not even
 * all of them would do. Members that are at odds with it go whatever room there is. For each GPU the cheapest ones are
 * looked for by value per byte, or the one that frees enough alone; then the cheapest GPUs. Pure.
 */
export function victimsFor({ claimant, books, candidates }: Search): readonly Candidate[] | null {
  const atOdds = new Set(books.inTheWayLater(claimant));
  const must = candidates.filter(({ tenant }) => atOdds.has(tenant));
  // One of them may not go, or has been promised room.
  const count = [...atOdds].reduce((sum, tenant) => sum + books.countLater(tenant), 0);
  if (must.length < count) return null;
  const what = new WhatIf(claimant, books);
  for (const one of must) what.go(one);
  const free = candidates.filter((one) => !must.includes(one));
  if (!what.makeGpus(free) || !what.makeHost(free)) return null;
  what.spare(must);
  return [...what.gone];
}

/** What would be free if some went. */
class WhatIf {
  readonly gone = new Set<Candidate>();
  readonly #claimant: TenantState;
  readonly #slots: readonly Slot[];
  readonly #books: Books;
  readonly #laterBytes: Map<Slot, number>;
  #hostBytes: number;

  constructor(claimant: TenantState, books: Books) {
    this.#claimant = claimant;
    this.#books = books;
    this.#slots = books.slotsFor(claimant.needs);
    this.#laterBytes = new Map(books.slots.map((slot) => [slot, slot.laterBytes]));
    this.#hostBytes = books.hostLaterBytes;
  }

  go(one: Candidate): void {
    this.gone.add(one);
    this.#move(one, 1);
  }

  /** Makes the cheapest go until there are enough GPUs; false: there never are. */
  makeGpus(candidates: readonly Candidate[]): boolean {
    const { gpus } = this.#claimant.needs;
    if (this.#slots.length < gpus) return false;
    for (;;) {
      const short = this.#slots.filter((slot) => this.#missing(slot) > 0);
      if (this.#slots.length - short.length >= gpus) return true;
      const sets = short.flatMap((slot) => this.#cheapestOn(slot, candidates) ?? []);
      if (sets.length === 0) return false;
      const best = sets.reduce((least, set) => (set.valueMs < least.valueMs ? set : least));
      for (const one of best.set) this.go(one);
    }
  }

  /** Makes the cheapest go until there is enough of the host's memory; false: there never is. */
  makeHost(candidates: readonly Candidate[]): boolean {
    const perByte = ({ valueMs, holding }: Candidate) => valueMs / holding.needs.hostBytes;
    const left = candidates
      .filter((one) => one.holding.needs.hostBytes > 0 && !this.gone.has(one))
      .toSorted((a, b) => perByte(a) - perByte(b));
    for (const one of left) {
      if (this.#hostBytes >= this.#claimant.needs.hostBytes) return true;
      this.go(one);
    }
    return this.#hostBytes >= this.#claimant.needs.hostBytes;
  }

  /** Those stay that need not go, the most valuable first; not `must`. */
  spare(must: readonly Candidate[]): void {
    for (const one of [...this.gone].toSorted((a, b) => b.valueMs - a.valueMs)) {
      if (must.includes(one)) continue;
      this.#move(one, -1);
      if (this.#isEnough) this.gone.delete(one);
      else this.#move(one, 1);
    }
  }

  get #isEnough(): boolean {
    const { gpus, hostBytes } = this.#claimant.needs;
    const fitting = this.#slots.filter((slot) => this.#missing(slot) <= 0);
    return fitting.length >= gpus && this.#hostBytes >= hostBytes;
  }

  #missing(slot: Slot): number {
    return bytesOn(slot, this.#claimant.needs) - this.#laterBytes.get(slot)!;
  }

  #move({ holding }: Candidate, sign: 1 | -1): void {
    for (const slot of this.#books.slotsOf(holding.place))
      this.#laterBytes.set(slot, this.#laterBytes.get(slot)! + sign * bytesOn(slot, holding.needs));
    this.#hostBytes += sign * holding.needs.hostBytes;
  }

  /** null: all that may go there would not be enough. */
  #cheapestOn(slot: Slot, candidates: readonly Candidate[]) {
    const missing = this.#missing(slot);
    const bytesOf = ({ holding }: Candidate) => bytesOn(slot, holding.needs);
    const there = candidates.filter(
      (one) => !this.gone.has(one) && one.holding.place.gpus.includes(slot.gpu.id),
    );
    const set = [];
    let freed = 0;
    for (const one of there.toSorted((a, b) => a.valueMs / bytesOf(a) - b.valueMs / bytesOf(b))) {
      if (freed >= missing) break;
      set.push(one);
      freed += bytesOf(one);
    }
    if (freed < missing) return null;
    const needed = set.toSorted((a, b) => b.valueMs - a.valueMs);
    for (const one of [...needed]) {
      if (freed - bytesOf(one) < missing) continue;
      needed.splice(needed.indexOf(one), 1);
      freed -= bytesOf(one);
    }
    const valueMs = needed.reduce((sum, one) => sum + one.valueMs, 0);
    const alone = there
      .filter((one) => bytesOf(one) >= missing)
      .reduce<Candidate | null>((least, one) => (least && least.valueMs <= one.valueMs ? least : one), null);
    return alone !== null && alone.valueMs <= valueMs
      ? { set: [alone], valueMs: alone.valueMs }
      : { set: needed, valueMs };
  }
}
