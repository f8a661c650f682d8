import type { GateControl } from '../core/gate.ts';
import type { Seat, Tenant, TenantReplica, TenantView } from '../core/room.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Replica } from './replica.ts';
import type { ReplicaState } from './replica-host.ts';
import type { RoomAccess } from './room-access.ts';
import type { StartProgress } from './start-progress.ts';

/** What a tenancy works with. */
interface TenancyOptions {
  /** `scale.min` of the moment. */
  min(): number;
  readonly id: string;
  readonly model: string;
  readonly access: RoomAccess;
  readonly gate: GateControl;
  readonly lifecycle: Lifecycle;
}

const stateInRoom: Record<ReplicaState, TenantReplica['state']> = {
  starting: 'starting',
  ready: 'ready',
  suspect: 'ready',
  dozing: 'asleep',
  asleep: 'asleep',
  waking: 'starting',
  draining: 'draining',
  ending: 'ending',
};

/** A revision as the room sees it. */
class Tenancy implements Tenant {
  readonly id: string;
  readonly model: string;
  readonly #options: TenancyOptions;

  constructor(options: TenancyOptions) {
    this.id = options.id;
    this.model = options.model;
    this.#options = options;
  }

  view(): TenantView {
    const { access, gate, lifecycle } = this.#options;
    const { waiting, backlog: jobs, inFlight, idleSinceMs, demand } = gate;
    return {
      ...access.terms(),
      replicas: this.#replicas(),
      waiting,
      jobs,
      inFlight,
      arrived: demand.arrived,
      idleSinceMs,
      startMs: lifecycle.history.learned()?.medianMs ?? null,
      returnAtMs: access.returnAtMs(),
      min: this.#options.min(),
      isKept: lifecycle.scaler.isKept,
    };
  }

  evict(replicaIds: readonly string[], reason: string): void {
    this.#options.lifecycle.scaler.evict(replicaIds, reason);
  }

  freed(): void {
    this.#options.lifecycle.scaler.reconcile();
  }

  /** Where anybody may end, nobody drains: as many as are too many go, the least busy. */
  #replicas(): TenantReplica[] {
    const { gate, lifecycle } = this.#options;
    const { list, asked } = lifecycle.fleet;
    const surplus = Math.max(0, list.living.length - asked);
    const load = ({ id }: Replica) => gate.inFlightOf(id);
    const leaving = new Set(
      surplus === 0 ? [] : list.living.toSorted((a, b) => load(a) - load(b)).slice(0, surplus),
    );
    return list.all.map((replica) => ({
      id: replica.id,
      state: leaving.has(replica) ? 'draining' : stateInRoom[replica.state],
      inFlight: load(replica),
    }));
  }
}

/** A revision takes its place among those that share the room. */
export function joinRoom(options: TenancyOptions): Seat {
  return options.access.room.join(new Tenancy(options));
}

/** How far its start is. While it waits for room and nothing is on its way, what is left is not less than a start takes. */
export function progressIn(lifecycle: Lifecycle, seat: Seat | null): StartProgress {
  const progress = lifecycle.progress();
  const reason = seat?.reason ?? null;
  if (reason === null || progress.sinceMs !== null || lifecycle.fleet.list.ready > 0) return progress;
  const earliestMs = lifecycle.history.rest([], 0)?.earlyMs ?? null;
  return { step: 'waiting for room', detail: reason, etaMs: null, earliestMs, sinceMs: null };
}
