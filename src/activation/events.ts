import type { StartFault } from '../core/driver.ts';
import type { ReplicaReport } from '../core/gate.ts';
import type { StartStep } from './start.ts';

/** What happened, for logs and metrics. Told synchronously; a listener must not throw. */
export type ActivationEvent =
  /** A start was asked for. */
  | { readonly type: 'woken'; readonly reason: string }
  /** The driver was asked for this many replicas. */
  | { readonly type: 'scaled'; readonly replicas: number; readonly reason: string }
  /** The driver is asked for more so soon after it was asked for less: the idle time is too short for what comes. */
  | { readonly type: 'thrash'; readonly afterMs: number; readonly count: number }
  /** A step of a start was seen. */
  | {
      readonly type: 'step';
      readonly replicaId: string;
      readonly step: string;
      readonly offsetMs: number;
    }
  /** A start ended well. */
  | {
      readonly type: 'ready';
      readonly replicaId: string;
      readonly totalMs: number;
      readonly steps: readonly StartStep[];
    }
  /** A start ended badly; `replicaId` null: no replica came, or the fixed ones stay away. */
  | {
      readonly type: 'start-failed';
      readonly replicaId: string | null;
      /** From being asked for to the failure. */
      readonly totalMs: number;
      readonly reason: string;
      /** The last step that it reached, or null. */
      readonly phase: string | null;
      /** What kind of reason it is, where the driver could tell. */
      readonly fault: StartFault | null;
      readonly retryInMs: number;
      readonly output: readonly string[];
    }
  /** A start had not enough memory on its GPUs, and is made again with more room. */
  | {
      readonly type: 'start-retried';
      readonly replicaId: string;
      readonly totalMs: number;
      readonly reason: string;
    }
  /** A replica that had been ready exited unasked. */
  | { readonly type: 'replica-lost'; readonly replicaId: string; readonly reason: string }
  /** A replica takes no new requests until a probe passes. */
  | { readonly type: 'suspect'; readonly replicaId: string; readonly report: ReplicaReport }
  /** A suspect passed its probe. */
  | { readonly type: 'reinstated'; readonly replicaId: string }
  /** A replica is on this rung of the ladder, by its name. */
  | { readonly type: 'asleep'; readonly replicaId: string; readonly rung: string }
  /** A replica that slept there takes requests, so long after it was asked to. */
  | {
      readonly type: 'awake';
      readonly replicaId: string;
      readonly rung: string;
      readonly wakeMs: number;
    }
  /** A replica could not be put to sleep there: it is probed. The rung is not tried again for `retryInMs`. */
  | {
      readonly type: 'sleep-failed';
      readonly replicaId: string;
      readonly rung: string;
      readonly reason: string;
      readonly retryInMs: number;
    }
  /** It did not wake in the way of this rung: that of `next` is tried, or (null) it ends and another is started. */
  | {
      readonly type: 'wake-failed';
      readonly replicaId: string;
      readonly rung: string;
      readonly reason: string;
      readonly next: string | null;
    }
  | { readonly type: 'to-zero'; readonly reason: string }
  /** So many replicas are to go for another model's sake. */
  | { readonly type: 'evicted'; readonly replicas: number; readonly reason: string }
  /** Somebody else changed the count of replicas. */
  | { readonly type: 'scaled-by-others'; readonly replicas: number }
  /** Something about the target that lasts came up, or went (`isPresent` false). */
  | {
      readonly type: 'condition';
      readonly condition: string;
      readonly message: string;
      readonly isPresent: boolean;
    }
  /** The driver could not be asked or watched; it is tried again. */
  | { readonly type: 'driver-failed'; readonly error: unknown };

/** A listener for events. */
export type OnActivationEvent = (event: ActivationEvent) => void;
