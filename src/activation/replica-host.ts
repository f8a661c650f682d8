import type { Clock } from '../core/clock.ts';
import type { GateControl, ReplicaReport } from '../core/gate.ts';
import type { Prober } from '../core/prober.ts';
import type { Replica } from './replica.ts';
import type { ActivationSettings } from './settings.ts';
import type { LearnedStart } from './start-history.ts';

/**
 * | state | in the gate | probed | leaves it by |
 * |---|---|---|---|
 * | starting | no | yes | a passing probe (ready), exit or startup deadline (failed start) |
 * | ready | taking | no | a bad report (suspect), draining |
 * | suspect | suspended | yes | a passing probe (ready), startup deadline (ended) |
 * | draining | suspended | no | its last request's end (ending), demand (suspect, or starting) |
 * | ending | suspended | no | exit |
 */
export type ReplicaState = 'starting' | 'ready' | 'suspect' | 'draining' | 'ending';

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
  learned(): LearnedStart | null;
  onStep(replica: Replica, step: string): void;
  /** It takes requests; `isFirst`: its start has ended. */
  onReady(replica: Replica, isFirst: boolean): void;
  onSuspect(replica: Replica, report: ReplicaReport): void;
  /** Not ready within `ready.startupMs`. */
  onOverdue(replica: Replica): void;
}
