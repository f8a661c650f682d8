import type { Clock } from '../core/clock.ts';
import type { Driver } from '../core/driver.ts';
import type { GateControl } from '../core/gate.ts';
import type { Lifecycle } from './lifecycle.ts';
import { poll } from './watch-target.ts';

/** How a revision is retired. */
export interface RetireOptions {
  /** Its model is not configured any more: replicas that a platform keeps are left to it. */
  readonly keepsReplicas: boolean;
}

/** What is retired. */
interface Retired extends RetireOptions {
  readonly clock: Clock;
  readonly gate: GateControl;
  readonly driver: Driver;
  readonly lifecycle: Lifecycle;
  /** Its replicas are ended whatever runs on them. */
  readonly signal: AbortSignal;
  /** Nobody looks at it any more. */
  readonly lifeSignal: AbortSignal;
}

/** Serves who waits, drains and ends all replicas of a revision that starts none any more (see `Activator.retire`). */
export async function retireAll(retired: Retired): Promise<void> {
  const { clock, gate, driver, lifecycle, keepsReplicas, signal, lifeSignal } = retired;
  const { fleet, isFixed } = lifecycle;
  const isLeft = keepsReplicas && driver.replacesLost;
  if (isLeft) lifecycle.standing.release();
  const ended = AbortSignal.any([signal, lifeSignal]);
  await poll(clock, () => gate.waiting === 0 || fleet.list.living.length === 0, ended);
  if (isLeft) return leaveAwake(retired, ended);
  lifecycle.toZero('retired', true);
  const isEmpty = () => fleet.isGone || (isFixed && fleet.list.isEnding);
  await poll(clock, isEmpty, ended);
  if (driver.replacesLost) return;
  fleet.count.end(fleet.list.all);
  await poll(clock, isEmpty, lifeSignal);
  if (isFixed) fleet.close();
}

/** Those that sleep are woken: nobody else knows how. */
async function leaveAwake({ clock, gate, lifecycle }: Retired, signal: AbortSignal): Promise<void> {
  const { fleet, slumber, standing } = lifecycle;
  if (standing.isLeader) slumber.wakeAll();
  const isAwake = () => !standing.isLeader || fleet.list.in('dozing', 'asleep', 'waking').length === 0;
  await poll(clock, () => gate.inFlight === 0 && isAwake(), signal);
}
