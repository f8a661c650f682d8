import type { Place } from '../../core/room.ts';
import { Books } from './books.ts';
import { type Turn, turnsOf } from './claim-order.ts';
import { keepValueMs } from './keep-value.ts';
import { waitsFor, waitsForItself, waitsForMemory, waitsForStarts } from './reasons.ts';
import { type Candidate, victimsFor } from './victims.ts';
import {
  type Eviction,
  type Holding,
  isAtOdds,
  isPersistentTo,
  isStaying,
  type Plan,
  type TenantState,
  type World,
} from './world.ts';

/** Who was passed for too long waits for others to be served: whether they were is looked at so often. */
const turnCheckMs = 250;

/**
 * Who gets room, who goes for it, and who waits for what. Pure. Carried out, it comes to rest: but for what room made for
 * one lets another do, the next plan has nothing to do before something changes.
 *
 * Those that ask are looked at one after the other (claim-order.ts). One that fits gets the best-fitting place, all its
 * GPUs at once. One that fits when those that go have gone waits for that, and nobody gets its room meanwhile. Else, where
 * somebody waits for it, idle replicas go for it, the least valuable (keep-value.ts) and no more than needed. Where all
 * that could go are busy, those are served on, and it waits; once somebody waited for `maxPassMs`, the busy ones whose turn
 * is over take no new request and go after their last one; where even that is not enough, nobody else gets the room.
 *
 * Never made to go: what runs a request before that has ended; what starts, unless somebody wanted it since and nobody
 * does now; members of persistent groups (but for one of the same swapped group) and what `scale.min` keeps (but for those
 * that may not run beside it); what is kept by others. Nothing goes where that would let nobody start.
 */
export function plan(world: World, nowMs: number): Plan {
  const planner = new Planner(world, nowMs);
  for (const turn of turnsOf(world.tenants, world.maxPassMs, nowMs)) planner.take(turn);
  return planner.done();
}

class Planner {
  readonly #world: World;
  readonly #nowMs: number;
  readonly #books: Books;
  readonly #grants: Plan['grants'][number][] = [];
  readonly #revivals: Plan['revivals'][number][] = [];
  readonly #evictions: Eviction[] = [];
  readonly #waits = new Map<string, string>();
  readonly #candidates: readonly Candidate[];
  /** By `scale.min`: the most valuable of each tenant. */
  readonly #isOfMin = new Set<Holding>();
  /** They go, by this plan. */
  readonly #going = new Set<Holding>();
  readonly #revived = new Set<Holding>();
  #nextAtMs: number | null = null;

  constructor(world: World, nowMs: number) {
    this.#world = world;
    this.#nowMs = nowMs;
    this.#books = new Books(world);
    this.#candidates = world.tenants
      .filter(({ isKept }) => !isKept)
      .flatMap((tenant) =>
        tenant.holdings
          .filter(isStaying)
          .map((holding) => ({ tenant, holding, valueMs: keepValueMs(tenant, holding, nowMs) }))
          .toSorted((a, b) => b.valueMs - a.valueMs),
      );
    const seen = new Map<TenantState, number>();
    for (const { tenant, holding } of this.#candidates) {
      const before = seen.get(tenant) ?? 0;
      if (before < tenant.min) this.#isOfMin.add(holding);
      seen.set(tenant, before + 1);
    }
  }

  done(): Plan {
    return {
      grants: this.#grants,
      revivals: this.#revivals,
      evictions: this.#evictions,
      waits: this.#waits,
      nextAtMs: this.#nextAtMs,
    };
  }

  take(turn: Turn): void {
    const { tenant } = turn;
    // What holds up one of its replicas holds up the next one.
    if (this.#waits.has(tenant.id) || this.#revives(tenant)) return;
    const books = this.#books;
    // It would take back what it gives up for others, rather than start another.
    if (tenant.holdings.some((one) => one.state === 'draining' && !this.#revived.has(one))) {
      this.#waits.set(tenant.id, waitsForItself);
      return;
    }
    const later = books.placeLater(tenant);
    if (books.startsLeft <= 0) {
      this.#waits.set(tenant.id, waitsForStarts(books.starting));
      if (later !== null) books.promise(tenant, tenant.needs, later, true);
      return;
    }
    const now = later === null ? null : books.placeNow(tenant);
    if (now !== null) {
      books.grant(tenant, now);
      this.#grants.push({ tenantId: tenant.id, place: now });
    } else if (later !== null) this.#await(tenant, later);
    else this.#makeRoom(turn);
  }

  /** One of its own that drains is used again, if its room was promised to nobody. */
  #revives(tenant: TenantState): boolean {
    const back = tenant.holdings.find(
      (holding) =>
        holding.state === 'draining' && !this.#revived.has(holding) && this.#books.canStay(tenant, holding),
    );
    if (back === undefined) return false;
    this.#revived.add(back);
    this.#books.promise(tenant, back.needs, back.place);
    this.#revivals.push({ tenantId: tenant.id, key: back.key });
    return true;
  }

  /** Its room will be free without anybody's doing. */
  #await(tenant: TenantState, place: Place): void {
    const { tenants } = this.#world;
    const isLeft = tenants.some(({ holdings }) => holdings.some((one) => !isStaying(one)));
    this.#waits.set(tenant.id, isLeft ? waitsFor(tenant, this.#books, tenants) : waitsForMemory(tenant));
    this.#books.promise(tenant, tenant.needs, place, true);
  }

  #makeRoom({ tenant, isFirst, isOverdue }: Turn): void {
    const { claim, waiting } = tenant;
    this.#waits.set(tenant.id, waitsFor(tenant, this.#books, this.#world.tenants));
    if (claim?.isUrgent !== true) return;
    if (this.#evict(tenant, isIdle)) return;
    if (!isOverdue) {
      if (isFirst && waiting > 0) this.#lookAgain(claim.sinceMs + this.#world.maxPassMs);
      return;
    }
    if (this.#evict(tenant, (one) => isIdle(one) || isHoldable(one))) return;
    const isInTurn = ({ isTurnOver, holdings }: TenantState) =>
      !isTurnOver && holdings.some((one) => isStaying(one) && one.state !== 'starting');
    if (this.#world.tenants.some(isInTurn)) this.#lookAgain(this.#nowMs + turnCheckMs);
    this.#reserve(tenant);
  }

  /** Makes those go that must for it to fit; false: that is not enough, and none goes. */
  #evict(claimant: TenantState, mayGo: (one: Candidate) => boolean): boolean {
    const books = this.#books;
    const candidates = this.#candidatesFor(claimant).filter(mayGo);
    const victims = victimsFor({ claimant, books, candidates });
    if (victims === null) return false;
    for (const { tenant, holding } of victims) {
      this.#going.add(holding);
      books.letGo(tenant, holding);
      if (holding.state === 'starting') books.endStart(holding);
    }
    for (const tenant of new Set(victims.map((one) => one.tenant))) {
      const keys = victims.filter((one) => one.tenant === tenant).map(({ holding }) => holding.key);
      this.#evictions.push({ tenantId: tenant.id, keys, forModel: claimant.model });
    }
    this.#promiseLater(claimant);
    return true;
  }

  /** Whatever comes free there is its own: nobody else starts there meanwhile. */
  #reserve(claimant: TenantState): void {
    const books = this.#books;
    const victims = victimsFor({ claimant, books, candidates: this.#candidatesFor(claimant) });
    if (victims === null) return;
    for (const { tenant, holding } of victims) books.letGo(tenant, holding);
    this.#promiseLater(claimant);
    for (const { tenant, holding } of victims) books.promise(tenant, holding.needs, holding.place);
  }

  #promiseLater(claimant: TenantState): void {
    const place = this.#books.placeLater(claimant);
    if (place !== null) this.#books.promise(claimant, claimant.needs, place, true);
  }

  /** All that could ever be made to go for it. */
  #candidatesFor(claimant: TenantState): Candidate[] {
    return this.#candidates.filter(
      ({ tenant, holding }) =>
        tenant !== claimant &&
        !this.#going.has(holding) &&
        !isPersistentTo(claimant, tenant) &&
        (!this.#isOfMin.has(holding) || isAtOdds(claimant, tenant)),
    );
  }

  #lookAgain(atMs: number): void {
    this.#nextAtMs = Math.min(this.#nextAtMs ?? Number.POSITIVE_INFINITY, atMs);
  }
}

/** Nothing runs on it and nobody asks for it; where it starts, somebody wanted it since, and nobody does any more. */
function isIdle({ tenant, holding }: Candidate): boolean {
  if (tenant.waiting > 0 || tenant.claim?.isUrgent === true || holding.inFlight > 0) return false;
  if (holding.state !== 'starting') return true;
  return tenant.idleSinceMs !== null && tenant.idleSinceMs > holding.grantedAtMs;
}

/** It is busy, and who waited for it when its turn began was served. */
function isHoldable({ tenant, holding }: Candidate): boolean {
  return holding.state !== 'starting' && tenant.isTurnOver;
}
