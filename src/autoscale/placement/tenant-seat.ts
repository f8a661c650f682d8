import type { Needs, Place, Tenant, TenantReplica, TenantView } from '../../core/room.ts';
import { type Claim, type Holding, isStaying, type TenantState } from './world.ts';

/** Room that a tenant has. */
interface Held {
  readonly key: string;
  /** The replica's id; null: it has none yet. */
  id: string | null;
  /** It was among the tenant's replicas. */
  isSeen: boolean;
  readonly place: Place;
  /** As they were when it was granted, or less: what is not needed is given back once it is ready. */
  needs: Needs;
  readonly grantedAtMs: number;
  replica: TenantReplica | null;
  /** It drains, and its tenant may use it again. */
  isRevived: boolean;
}

/** What was seen of a tenant since it was looked at before. */
interface SeatChange {
  /** A replica came, went, or is in another state. */
  readonly isOther: boolean;
  /** Places of those that are gone. */
  readonly gone: readonly Place[];
}

/** One that was told to go and did not is not told again for so long. */
const refusalMs = 5_000;

/** Jobs that a turn serves at most: without any, a model that only jobs ask for would be evicted as soon as it has started. */
const turnJobs = 32;

/** What one tenant has, asks for and waits for. No I/O, no timer. */
export class TenantSeat {
  readonly tenant: Tenant;
  /** What it waits for; null: for nothing. */
  reason: string | null = null;
  desired = 0;
  #held: readonly Held[] = [];
  #view: TenantView;
  #made = 0;
  #states = '';
  #isUrgent = false;
  /** Somebody waited since it was asked for. */
  #wasWaitedFor = false;
  #askedSinceMs = 0;
  #askedHow = '';
  #order = 0;
  readonly #nextOrder: () => number;
  #refusedUntilMs = Number.NEGATIVE_INFINITY;
  /** `TenantView.arrived` at the end of the turn that began when it last became ready; null: it is not. */
  #turnEndsAt: number | null = null;

  /** `nextOrder` grows with each call, over all seats. */
  constructor(tenant: Tenant, nextOrder: () => number) {
    this.tenant = tenant;
    this.#nextOrder = nextOrder;
    this.#view = tenant.view();
  }

  /** Replicas that it may have: that stay, or were granted and are not there yet. */
  get staying(): number {
    return this.#held.filter((one) => isStaying({ state: stateOf(one) })).length;
  }

  get missing(): number {
    return Math.max(0, this.desired - this.staying);
  }

  get held(): readonly Pick<Held, 'id' | 'place' | 'needs'>[] {
    return this.#held;
  }

  /** Looks at the tenant. `placeOf` finds a place for a replica that was not asked for. */
  look(nowMs: number, placeOf: (needs: Needs) => Place): SeatChange {
    this.#view = this.tenant.view();
    const { replicas, waiting, needs } = this.#view;
    const byId = new Map(replicas.map((replica) => [replica.id, replica]));
    const gone = this.#held.filter(({ id, isSeen }) => isSeen && id !== null && !byId.has(id));
    this.#held = this.#held.filter((one) => !gone.includes(one));
    for (const replica of replicas) {
      const held =
        this.#held.find(({ id }) => id === replica.id) ??
        this.#held.find(({ id }) => id === null) ??
        this.grant(placeOf(needs), nowMs);
      held.id = replica.id;
      held.isSeen = true;
      held.replica = replica;
      if (replica.state === 'ready') held.needs = lesserOf(held.needs, needs);
      if (replica.state !== 'draining') held.isRevived = false;
    }
    if (waiting > 0) this.#wasWaitedFor = true;
    this.#noteTurn();
    this.#noteClaim(nowMs);
    const states = this.#held.map((one) => `${one.key} ${stateOf(one)}`).join();
    const isOther = states !== this.#states;
    this.#states = states;
    return { isOther, gone: gone.map(({ place }) => place) };
  }

  /** Asks for so many; room that was granted for more and is not used is given back. Returns whether it asks for anything else than before. */
  ask(desired: number, isUrgent: boolean, nowMs: number): boolean {
    const before = `${this.desired} ${this.#askedHow}`;
    this.desired = desired;
    for (const one of this.#held.toReversed()) {
      if (this.staying <= desired) break;
      if (!one.isSeen) this.#held = this.#held.filter((other) => other !== one);
    }
    if (isUrgent && !this.#isWantedNow) this.#wasWaitedFor = false;
    this.#isUrgent ||= isUrgent;
    if (this.missing === 0) this.#isUrgent = false;
    this.#noteClaim(nowMs);
    return before !== `${this.desired} ${this.#askedHow}`;
  }

  /** Room for one more replica. */
  grant(place: Place, nowMs: number): Held {
    const held: Held = {
      key: `${this.tenant.id} ${++this.#made}`,
      id: null,
      isSeen: false,
      place,
      needs: this.#view.needs,
      grantedAtMs: nowMs,
      replica: null,
      isRevived: false,
    };
    this.#held = [...this.#held, held];
    return held;
  }

  /** One that drains may be used again. */
  revive(key: string): void {
    const held = this.#held.find((one) => one.key === key);
    if (held) held.isRevived = true;
  }

  /** The place of a replica that is about to be there; null: none was granted. */
  bind(replicaId: string): Place | null {
    const held =
      this.#held.find(({ id }) => id === replicaId) ??
      this.#held.find(({ id, isSeen }) => id === null && !isSeen);
    if (held === undefined) return null;
    held.id = replicaId;
    return held.place;
  }

  /** Makes these go. */
  evict(keys: readonly string[], forModel: string, nowMs: number): void {
    const ids = this.#held.flatMap(({ key, id }) => (keys.includes(key) && id !== null ? [id] : []));
    this.tenant.evict(ids, `evicted for ${forModel}`);
    const left = this.tenant
      .view()
      .replicas.filter(({ id, state }) => ids.includes(id) && isStaying({ state }));
    if (ids.length === 0 || left.length > 0) this.#refusedUntilMs = nowMs + refusalMs;
  }

  /** As a plan sees it. */
  stateAt(nowMs: number): TenantState {
    const { replicas: _, arrived, jobs = 0, ...view } = this.#view;
    const { id, model } = this.tenant;
    const came = arrived - (view.waiting - jobs);
    return {
      ...view,
      id,
      model,
      holdings: this.#held.map(holdingOf),
      claim: this.#claim,
      isKept: view.isKept || nowMs < this.#refusedUntilMs,
      isTurnOver: this.#turnEndsAt !== null && came >= this.#turnEndsAt,
    };
  }

  get #claim(): Claim | null {
    const { missing } = this;
    return missing === 0
      ? null
      : { missing, sinceMs: this.#askedSinceMs, order: this.#order, isUrgent: this.#isWantedNow };
  }

  /** Whoever waited and left again wants nothing any more. */
  get #isWantedNow(): boolean {
    return this.#isUrgent && (this.#view.waiting > 0 || !this.#wasWaitedFor);
  }

  #noteTurn(): void {
    const isReady = this.#held.some((one) => {
      const state = stateOf(one);
      return one.isSeen && (state === 'ready' || state === 'asleep');
    });
    const { arrived, jobs = 0 } = this.#view;
    if (!isReady) this.#turnEndsAt = null;
    else this.#turnEndsAt ??= arrived + Math.min(jobs, turnJobs);
  }

  /** The time for which it asks begins anew when it asks for its first replica, or somebody begins to wait. */
  #noteClaim(nowMs: number): void {
    const how = this.missing === 0 ? '' : `${this.#isWantedNow} ${this.staying > 0}`;
    if (how === this.#askedHow) return;
    this.#askedHow = how;
    this.#askedSinceMs = nowMs;
    this.#order = this.#nextOrder();
  }
}

function stateOf({ replica, isRevived }: Held): Holding['state'] {
  if (replica === null) return 'starting';
  return replica.state === 'draining' && isRevived ? 'ready' : replica.state;
}

function holdingOf(held: Held): Holding {
  const { key, place, needs, grantedAtMs, isSeen, replica } = held;
  return {
    key,
    place,
    needs,
    state: stateOf(held),
    inFlight: replica?.inFlight ?? 0,
    // Nobody can have lost interest in one that is not there yet.
    grantedAtMs: isSeen ? grantedAtMs : Number.POSITIVE_INFINITY,
  };
}

/** What it turned out to need, where that is less memory on as many GPUs. */
function lesserOf(before: Needs, now: Needs): Needs {
  const isLess =
    (now.memoryBytes ?? Number.POSITIVE_INFINITY) < (before.memoryBytes ?? Number.POSITIVE_INFINITY);
  return isLess && now.gpus === before.gpus ? now : before;
}
