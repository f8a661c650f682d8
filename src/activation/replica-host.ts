import type { Clock } from '../core/clock.ts';
import type { GateControl, ReplicaReport } from '../core/gate.ts';
import type { Rung, Sleeper } from '../core/ladder.ts';
import type { Prober } from '../core/prober.ts';
import type { Replica } from './replica.ts';
import type { ActivationSettings } from './settings.ts';
import type { Woken } from './sleep-view.ts';
import type { LearnedStart } from './start-history.ts';

/**
 * | state | in the gate | probed | leaves it by |
 * |---|---|---|---|
 * | starting | no | yes, but not while it is warmed | a passing probe (ready), exit or startup deadline (failed start) |
 * | ready | taking | no | a bad report (suspect), draining, an idle time (dozing) |
 * | suspect | suspended | yes | a passing probe (ready), startup deadline (ended) |
 * | dozing | suspended | no | the end of what puts it to sleep (asleep; waking, where somebody asks; suspect, where it failed) |
 * | asleep | suspended | no | demand (waking), a longer idle time (dozing, to a deeper rung), draining |
 * | waking | suspended | once it was woken | a passing probe (ready), no way left that wakes it (ended) |
 * | draining | suspended | no | its last request's end (ending), demand (suspect, or starting; asleep, where it slept) |
 * | ending | suspended | no | exit |
 *
 * One that was found is asked where it stands on the ladder before it is probed.
 */
export type ReplicaState =
  | 'starting'
  | 'ready'
  | 'suspect'
  | 'dozing'
  | 'asleep'
  | 'waking'
  | 'draining'
  | 'ending';

/** The rungs of the moment, and who moves replicas on them. */
export interface Ladder {
  /** The shallowest first; at least one. */
  readonly rungs: readonly Rung[];
  readonly sleeper: Sleeper;
}

/** What replicas tell of their sleep; rungs by their names. */
export interface SleepListener {
  /** It is being put to sleep. */
  onDozing(replica: Replica): void;
  /** It sleeps; `isNew`: it was put to sleep, or found so, and not only left there. */
  onAsleep(replica: Replica, isNew: boolean): void;
  onSleepFailed(replica: Replica, rung: string, reason: string): void;
  onWaking(replica: Replica): void;
  /** It is about to take requests. */
  onAwake(replica: Replica, woken: Woken): void;
  /** `next` is the rung whose way of waking is tried now; null: none is left. */
  onWakeFailed(replica: Replica, failure: { rung: string; reason: string; next: string | null }): void;
}

/** What a replica uses and tells. */
export interface ReplicaHost {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly gate: GateControl;
  settings(): ActivationSettings;
  /** Fixed replicas have no startup deadline of their own: they are there whether or not somebody asks. */
  readonly isFixed: boolean;
  isUrgent(): boolean;
  /** Whether a replica takes requests, besides one that asks and is not ready itself. */
  hasOthers(): boolean;
  /** When its probe is expected to pass, since its start began; null: nothing is known. */
  learned(): LearnedStart | null;
  onStep(replica: Replica, step: string): void;
  /** It takes requests: its start has ended, it was woken, or it passed its probe again. */
  onReady(replica: Replica, by: 'start' | 'wake' | 'probe'): void;
  onSuspect(replica: Replica, report: ReplicaReport): void;
  /** Not ready within `ready.startupMs`. */
  onOverdue(replica: Replica): void;
  /** null: there is none. */
  ladder(): Ladder | null;
  /** How long one way of waking may take, milliseconds; by the rung's name. */
  wakeLimitMs(rung: string): number;
  readonly slumber: SleepListener;
}
