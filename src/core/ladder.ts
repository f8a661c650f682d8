/** A step between ready and stopped: deeper ones cost less and take longer to wake from. */
export interface Rung {
  /** For people and metrics: `level 1`. */
  readonly name: string;
  /** Idle milliseconds after which it is taken; null: when that pays by its cost and its measured wake time. */
  readonly afterMs: number | null;
  /** What a replica costs there, as a share of one that is ready: from 0 to 1. */
  readonly cost: number;
}

/** A rung, and what is known of the way up from it. */
export interface MeasuredRung extends Rung {
  /** Milliseconds from being asked for to taking requests, by the median of past wakes; null: not measured yet. */
  readonly wakeMs: number | null;
}

/** A replica as whoever puts it to sleep needs it. */
export interface SleepingReplica {
  readonly id: string;
  /** `http://host:port`; null: not known, or it leads to other replicas as well. */
  readonly origin: string | null;
  /** Of the leader of its process group on this machine; null: it runs elsewhere. */
  readonly pid: number | null;
}

/** A way down. */
export interface Descent {
  /** The rung that it is on; null: awake. */
  readonly from: number | null;
  /** A deeper one. */
  readonly to: number;
}

/** Moves replicas of one revision up and down its ladder; rungs are numbered from 0, the shallowest. */
export interface Sleeper {
  /**
   * To a deeper rung; rejects with what went wrong, in one line. A rung is taken from awake: whoever is on a shallower one
   * is woken first, since vLLM takes no deeper level from a shallower one.
   */
  sleep(replica: SleepingReplica, descent: Descent, signal: AbortSignal): Promise<void>;
  /** From this rung, or a shallower one, to awake; what takes requests is still probed. Rejects like `sleep`. */
  wake(replica: SleepingReplica, rung: number, signal: AbortSignal): Promise<void>;
  /** The rung that it is on, as it says itself; null: awake, or it cannot be told. Never rejects but with the signal's reason. */
  rungOf(replica: SleepingReplica, signal: AbortSignal): Promise<number | null>;
}
