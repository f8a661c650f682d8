import type { PilotlightError } from './errors.ts';
import type { DemandTotals } from './scaling.ts';

/** What activation may do to a gate and see of it. The gate implements it; the data path never sees activation. */
export interface GateControl {
  /** Requests in the queue, and jobs that are to come. */
  readonly waiting: number;
  /** How many of them are jobs that are to come. */
  readonly backlog: number;
  /** How long the one has waited that has waited longest; 0 when nobody does. */
  readonly oldestWaitMs: number;
  /** Permits that are out. */
  readonly inFlight: number;
  /** `nowMs` since which nothing waits and no permit is out; null while something does. */
  readonly idleSinceMs: number | null;
  /** Sums of the demand up to now. */
  readonly demand: DemandTotals;
  /** A ready replica begins to take requests, at most `limit` at once (0 = no limit). */
  addReplica(id: string, origin: string, limit: number): void;
  /** Changes a replica's limit (ramping, a changed setting); running requests above it go on. */
  setLimit(id: string, limit: number): void;
  /** No new request; what runs there goes on. Undone by `reinstate`. */
  suspend(id: string): void;
  /** Takes requests again after `suspend`. */
  reinstate(id: string): void;
  /** It is gone, or must go when its requests have ended: no new request, forgotten at its last release. */
  removeReplica(id: string): void;
  /** Requests now running on it; 0 when unknown. */
  inFlightOf(id: string): number;
  /** Refuses everybody who waits with this error; returns how many. */
  failWaiters(error: PilotlightError): number;
  /** From now on everybody who enters is refused with this error (paused); null opens again. Waiters stay. */
  refuse(error: PilotlightError | null): void;
}

/** What forwarding learned about a replica, told to activation. */
export type ReplicaReport =
  /** Refused the connection: nothing was sent. */
  | 'refused'
  /** Answered that it is still loading. */
  | 'loading'
  /** Reset or closed after the request was sent. */
  | 'reset'
  /** No byte on any of its running requests for timeouts.stall. */
  | 'stalled'
  /** Answered a request. */
  | 'answered';

/** What of a start a client and an operator are told. */
export interface WakeInfo {
  /** `cold`, `starting`, `ready`, `asleep`, `draining`, `failed`, `paused`. */
  readonly state: string;
  /** The step the start is in (`spawned`, `port open`, `loading`, `waking from level 1`), or null. */
  readonly step: string | null;
  /** What holds it up, in one line, where the platform says so: `unschedulable: Insufficient nvidia.com/gpu`; else null. */
  readonly detail: string | null;
  /** Expected milliseconds until ready, from past starts; null when nothing is known. */
  readonly etaMs: number | null;
  /** Milliseconds since the running start began; null when none runs. */
  readonly sinceMs: number | null;
}
