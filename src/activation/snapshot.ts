import type { GateControl } from '../core/gate.ts';
import type { BackOff } from './back-off.ts';
import type { Fleet } from './fleet.ts';
import type { ReplicaState } from './replica-host.ts';
import type { Start, StartRecord } from './start.ts';
import type { LearnedStart } from './start-history.ts';

/** One replica, for the admin API. */
export interface ReplicaSnapshot {
  readonly id: string;
  readonly origin: string | null;
  readonly state: ReplicaState;
  readonly inFlight: number;
  /** Milliseconds since the Unix epoch; null before. */
  readonly readyAtMs: number | null;
  /** What the last probe saw. */
  readonly detail: string | null;
  /** The last lines of its output. */
  readonly output: readonly string[];
}

/** What a revision is doing, in plain JSON, for the admin API. */
export interface ActivatorSnapshot {
  /** A state of states.ts, or `paused`. */
  readonly state: string;
  readonly step: string | null;
  readonly etaMs: number | null;
  readonly replicas: readonly ReplicaSnapshot[];
  /** The last ten, newest first. */
  readonly lastStarts: readonly StartRecord[];
  /** Until a start becomes ready. */
  readonly failure: {
    readonly reason: string;
    readonly phase: string | null;
    readonly retryInMs: number;
    readonly output: readonly string[];
  } | null;
  /** Why the last scaling decision was made. */
  readonly decision: string;
}

/** How far a start is: the one that is expected to be ready first. */
export interface StartProgress {
  readonly step: string | null;
  /** From the median of past starts. */
  readonly etaMs: number | null;
  /** The earliest to be expected (10 % quantile); null with fewer than five learned starts. */
  readonly earliestMs: number | null;
  readonly sinceMs: number | null;
}

const learnedStartsNeeded = 5;

/** Where the first start of a fleet stands. Pure. */
export function progressOf(fleet: Fleet, learned: LearnedStart | null, nowMs: number): StartProgress {
  const running = fleet.replicas.filter((r) => r.state === 'starting' && r.start.isRunning);
  const first = running.reduce<Start | null>(
    (best, { start }) => (best === null || start.beganAtMs < best.beganAtMs ? start : best),
    null,
  );
  const beganAtMs = first?.beganAtMs ?? (fleet.asked > fleet.living ? fleet.askedAtMs : null);
  if (beganAtMs === null) return { step: null, etaMs: null, earliestMs: null, sinceMs: null };
  const sinceMs = nowMs - beganAtMs;
  return {
    step: first?.step ?? null,
    etaMs: learned && Math.max(0, learned.medianMs - sinceMs),
    earliestMs:
      learned && learned.count >= learnedStartsNeeded ? Math.max(0, learned.earlyMs - sinceMs) : null,
    sinceMs,
  };
}

/** The replicas of a fleet. `wallOffsetMs` turns `nowMs` into milliseconds since the epoch. */
export function replicaSnapshots(fleet: Fleet, gate: GateControl, wallOffsetMs: number): ReplicaSnapshot[] {
  return fleet.replicas.map((replica) => ({
    id: replica.id,
    origin: replica.status.origin,
    state: replica.state,
    inFlight: gate.inFlightOf(replica.id),
    readyAtMs: replica.readyAtMs === null ? null : replica.readyAtMs + wallOffsetMs,
    detail: replica.detail,
    output: replica.status.output ?? [],
  }));
}

/** The last failure, until a start becomes ready. */
export function failureSnapshot(backOff: BackOff, nowMs: number): ActivatorSnapshot['failure'] {
  return backOff.failure && { ...backOff.failure, retryInMs: backOff.remainingMs(nowMs) };
}
