import type { Fleet } from './fleet.ts';
import type { LifecycleOptions } from './lifecycle-options.ts';
import type { Replica } from './replica.ts';
import type { Scaler } from './scaler.ts';
import type { Cause } from './start-cause.ts';

/** What a second try is made with. */
export interface SecondTryOptions extends Pick<LifecycleOptions, 'clock' | 'onEvent' | 'room'> {
  fleet(): Fleet;
  scaler(): Scaler;
}

/**
 * A start that exited for want of memory on its GPUs is made once more, where another model can be made to go for it: no
 * back-off, and whoever waits goes on waiting. Returns whether it is.
 */
export function tryAgain(replica: Replica, { reason, fault }: Cause, options: SecondTryOptions): boolean {
  const { clock, onEvent, room, fleet, scaler } = options;
  if (fault !== 'gpu_memory' || room?.makeMoreRoom?.(replica.id) !== true) return false;
  const totalMs = replica.start.finish('failed', clock.nowMs(), { reason, fault });
  onEvent?.({ type: 'start-retried', replicaId: replica.id, totalMs, reason });
  fleet().giveUp(replica);
  scaler().reset();
  scaler().want();
  return true;
}
