import type { OnActivationEvent } from './events.ts';
import type { LifecycleOptions } from './lifecycle-options.ts';
import type { ReplicaHost } from './replica-host.ts';
import type { Slumber } from './slumber.ts';

/** What of a revision's life its replicas are told, and tell. */
export interface ReplicaHooks
  extends Pick<ReplicaHost, 'hasOthers' | 'learned' | 'onReady' | 'onSuspect' | 'onOverdue'> {
  readonly slumber: Slumber;
  /** Somebody waits for the first one that becomes ready. */
  isStarting(): boolean;
  readonly onEvent: OnActivationEvent;
}

/** What the replicas of a revision use. */
export function replicaHostOf(options: LifecycleOptions, hooks: ReplicaHooks): ReplicaHost {
  const { clock, prober, gate, driver } = options;
  const { isFixed } = driver;
  return {
    ...hooks,
    clock,
    prober,
    gate,
    isFixed,
    settings: () => options.settings(),
    ladder: () => hooks.slumber.ladder,
    wakeLimitMs: (rung) => hooks.slumber.wakeLimitMs(rung),
    isUrgent: () => !isFixed || gate.waiting > 0 || hooks.isStarting(),
    onStep: ({ id, start }, step) =>
      hooks.onEvent({ type: 'step', replicaId: id, step, offsetMs: start.steps.at(-1)?.offsetMs ?? 0 }),
  };
}
