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

/** Where one replica runs: the ids of its GPUs; empty: it needs none. */
export interface Place {
  readonly gpus: readonly string[];
}

/** What a tenant is doing, as far as who gets room depends on it. */
export interface TenantView {
  /** Its replicas that hold room: from the moment that they are asked for until they are gone. */
  readonly replicas: readonly {
    /** null: asked for and not seen yet. */
    readonly id: string | null;
    readonly state: 'starting' | 'ready' | 'asleep' | 'ending';
  }[];
  readonly waiting: number;
  readonly inFlight: number;
  /** `nowMs` at which the oldest of those that wait came; null: nobody waits. */
  readonly waitingSinceMs: number | null;
  /** `nowMs` since which nothing waits or runs; null while something does. */
  readonly idleSinceMs: number | null;
  /** How long its starts take, by the median of past ones; null: none is known. */
  readonly startMs: number | null;
  /** `nowMs` at which the next request is expected; null: not known. */
  readonly returnAtMs: number | null;
}

/** One revision that takes room. Its methods are called outside of any call that it makes itself. */
export interface Tenant {
  /** `Target.id`. */
  readonly id: string;
  readonly model: string;
  view(): TenantView;
  /** Ends all its replicas for another's sake: takes no new request there, ends each after its last one. */
  evict(reason: string): void;
  /** More may be granted now: it asks again. */
  freed(): void;
}

/** A tenant's claim on the room. */
export interface Seat {
  /**
   * How many replicas it may have now, of the `desired` ones, at least those that it holds; what is missing is a claim
   * that stands until it is asked for less. `reason`: why not all, in one line; null: all.
   */
  ask(desired: number): { readonly granted: number; readonly reason: string | null };
  /** Something in the view changed: a replica came, is ready, is gone; requests came or ended. Cheap. */
  changed(): void;
  /** It takes no room any more. */
  leave(): void;
}

/** Room for replicas that all models share: GPUs, the host's memory, starts at the same time. */
export interface Room {
  join(tenant: Tenant): Seat;
}
