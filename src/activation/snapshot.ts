import type { Clock } from '../core/clock.ts';
import type { Removal, StartFault, TargetCondition } from '../core/driver.ts';
import type { GateControl, WakeInfo } from '../core/gate.ts';
import type { ThrashRecord } from '../core/scaling.ts';
import type { SignalWish } from '../core/signals.ts';
import type { BackOff } from './back-off.ts';
import type { Fleet } from './fleet.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ReplicaState } from './replica-host.ts';
import type { StartRecord } from './start.ts';

/** One replica, for the admin API. */
export interface ReplicaSnapshot {
  readonly id: string;
  readonly origin: string | null;
  /** Of the leader of its process group on this machine; null: none, or it runs elsewhere. */
  readonly pid: number | null;
  readonly state: ReplicaState;
  /** The name of the rung on which it sleeps, or is to; null: it is awake. */
  readonly rung: string | null;
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
    readonly fault: StartFault | null;
    readonly output: readonly string[];
  } | null;
  /** What the platform is asked for, by whoever asked last; null where only this gateway does. */
  readonly desired: number | null;
  readonly removal: Removal;
  /** The driver lost sight of the target. */
  readonly isStale: boolean;
  readonly conditions: readonly TargetCondition[];
  /** Why the last scaling decision was made. */
  readonly decision: string;
  /** What the signals asked for then; those that said nothing are left out. */
  readonly signals: readonly SignalWish[];
  /** Starts soon after a stop, none of them an hour after the one before; null: none. */
  readonly thrash: { readonly count: number; readonly lastAtMs: number } | null;
}

/** What a revision is doing. */
export function snapshotOf(
  { fleet, log, backOff, scaler, isFixed }: Lifecycle,
  { state, step, etaMs }: WakeInfo,
  { clock, gate }: { readonly clock: Clock; readonly gate: GateControl },
): ActivatorSnapshot {
  const wallOffsetMs = clock.wallMs() - clock.nowMs();
  return {
    state,
    step,
    etaMs,
    replicas: replicaSnapshots(fleet, gate, wallOffsetMs),
    lastStarts: log.starts.map((start) => start.record()),
    failure: failureSnapshot(backOff, clock.nowMs()),
    decision: isFixed ? 'fixed replicas' : scaler.reason,
    signals: scaler.wishes,
    thrash: thrashSnapshot(scaler.thrash, wallOffsetMs),
    ...targetSnapshot(fleet),
  };
}

/** What the platform says of the target. */
function targetSnapshot({
  status,
}: Fleet): Pick<ActivatorSnapshot, 'desired' | 'removal' | 'isStale' | 'conditions'> {
  return {
    desired: status.desired ?? null,
    removal: status.removal ?? 'victims',
    isStale: status.isStale === true,
    conditions: status.conditions ?? [],
  };
}

/** The replicas of a fleet. `wallOffsetMs` turns `nowMs` into milliseconds since the epoch. */
function replicaSnapshots(fleet: Fleet, gate: GateControl, wallOffsetMs: number): ReplicaSnapshot[] {
  return fleet.list.all.map((replica) => ({
    id: replica.id,
    origin: replica.status.origin,
    pid: replica.status.pid ?? null,
    state: replica.state,
    rung: replica.sleep.rungName,
    inFlight: gate.inFlightOf(replica.id),
    readyAtMs: replica.readyAtMs === null ? null : replica.readyAtMs + wallOffsetMs,
    detail: replica.detail,
    output: replica.status.output ?? [],
  }));
}

/** Starts soon after a stop. `wallOffsetMs` turns `nowMs` into milliseconds since the epoch. */
function thrashSnapshot(record: ThrashRecord | undefined, wallOffsetMs: number): ActivatorSnapshot['thrash'] {
  if (record === undefined || record.lastAtMs === null) return null;
  return { count: record.count, lastAtMs: record.lastAtMs + wallOffsetMs };
}

/** The last failure, until a start becomes ready. */
function failureSnapshot(backOff: BackOff, nowMs: number): ActivatorSnapshot['failure'] {
  return backOff.failure && { ...backOff.failure, retryInMs: backOff.remainingMs(nowMs) };
}
