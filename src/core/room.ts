import type { Clock } from './clock.ts';

/** What one replica takes of what is shared. */
export interface Needs {
  /** GPUs that it runs on, all at once; 0: none. */
  readonly gpus: number;
  /** Bytes on each of them; null: the whole GPU. */
  readonly memoryBytes: number | null;
  /** Bytes of the host's memory; 0: not counted. */
  readonly hostBytes: number;
  /** Which GPUs, where they are of several kinds; null: any. */
  readonly pool: string | null;
}

/** Who may run beside whom, as in llama-swap. A model is in one group at most. */
export interface Group {
  readonly name: string;
  /** Of its members only one runs at a time. */
  readonly isSwapped: boolean;
  /** While a member runs, nobody outside of the group does, but for members of persistent groups. */
  readonly isExclusive: boolean;
  /** Nobody makes its members go, but a member of the same group where `isSwapped`. */
  readonly isPersistent: boolean;
}

/** What of a model's configuration the room obeys; what it needs may be learned, and change. */
export interface RoomTerms {
  readonly needs: Needs;
  readonly group: Group | null;
}

/** Where one replica runs: the ids of its GPUs, in order; empty: it needs none. */
export interface Place {
  readonly gpus: readonly string[];
}

/** One replica of a tenant. */
export interface TenantReplica {
  readonly id: string;
  /** `draining`: takes no new request, and may be used again; `ending`: it was told to end. */
  readonly state: 'starting' | 'ready' | 'asleep' | 'draining' | 'ending';
  /** Requests that run on it. */
  readonly inFlight: number;
}

/** What a tenant is doing, as far as who gets room depends on it. */
export interface TenantView extends RoomTerms {
  /** All that there are, until they are gone. */
  readonly replicas: readonly TenantReplica[];
  readonly waiting: number;
  /** How many of `waiting` are jobs that have not come yet; absent: none. */
  readonly jobs?: number;
  readonly inFlight: number;
  /** Requests that came since it began: only grows. */
  readonly arrived: number;
  /** `nowMs` since which nothing waits or runs; null while something does. */
  readonly idleSinceMs: number | null;
  /** How long its starts take, by the median of past ones; null: none is known. */
  readonly startMs: number | null;
  /** `nowMs` at which the next request is expected; null: not known. */
  readonly returnAtMs: number | null;
  /** Replicas that `scale.min` keeps: they go for nobody but those that its group makes them go for. */
  readonly min: number;
  /** Its replicas cannot be made to go: others own their count, or somebody uses them past the gateway. */
  readonly isKept: boolean;
}

/** One revision that takes room. Its methods are never called within a call that it makes itself, but for `view`. */
export interface Tenant {
  /** `Target.id`. */
  readonly id: string;
  readonly model: string;
  view(): TenantView;
  /** These take no new request and end after their last one. Waiters stay, and nothing is started without asking. */
  evict(replicaIds: readonly string[], reason: string): void;
  /** The answer to `ask` may be another now: it asks again. */
  freed(): void;
}

/** The answer to `Seat.ask`. */
export interface Grant {
  /** Replicas that it may have now, those included that it has and that were not made to go. */
  readonly replicas: number;
  /** Why not all, in one line: `waits for 20 GiB on a GPU: qwen is busy`; null: all. */
  readonly reason: string | null;
}

/** A tenant's claim on the room. */
export interface Seat {
  /**
   * How many replicas it may have, of the `desired` ones: what is missing is a claim that stands until it is asked for
   * less. `isUrgent`: somebody waits for it or asked for it by name, so that idle ones may go for it; that stands until it
   * is granted. It is to be called whenever a count is decided on: it also tells that replicas have come or gone.
   */
  ask(desired: number, isUrgent: boolean): Grant;
  /** What it waits for now, as in `Grant`; null: for nothing. */
  readonly reason: string | null;
  /** Requests came or ended, the terms changed, a replica is gone: looked at soon. Cheap. */
  changed(): void;
  /** It takes no room any more. */
  leave(): void;
}

/** Room for replicas that all models share: GPUs, the host's memory, starts at the same time. */
export interface Room {
  join(tenant: Tenant): Seat;
}

/** Tells a driver where a replica is to run. */
export interface Placement {
  /**
   * The place of a replica that is about to be started, or was, by its driver's own id; null: none was granted. From then
   * on it is that replica's until it is gone.
   */
  place(targetId: string, replicaId: string): Place | null;
}

/** Asks the machine how much memory of its GPUs is free, whoever uses the rest. */
export interface MemoryGauge {
  /** Free bytes by the ids of GPUs; those that cannot be asked are left out. Rejects only with the signal's reason. */
  freeBytes(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
}

/** One GPU that may be used. */
export interface GpuBudget {
  /** As it is filled in for `{gpus}`. */
  readonly id: string;
  /** null: it is of no named pool. */
  readonly pool: string | null;
  /** That replicas may take, in bytes. */
  readonly memoryBytes: number;
}

/** What there is to share. */
export interface RoomSettings {
  readonly gpus: readonly GpuBudget[];
  /** Of the host's memory; null: not counted. */
  readonly hostBytes: number | null;
  /** Replicas of all models that may start at the same time; null: as many as are wanted. */
  readonly maxStarting: number | null;
  /** How long a waiter is passed by requests to models that are there: `swap.maxPass`. */
  readonly maxPassMs: number;
}

/** What a room is made of. */
export interface RoomOptions {
  readonly clock: Clock;
  readonly settings: RoomSettings;
  /** null: what was granted and not given back is all that is known. */
  readonly gauge: MemoryGauge | null;
}
