import { Gate } from '../admission/gate.ts';
import type { GateOptions } from '../admission/gate-options.ts';
import type { Clock } from '../core/clock.ts';
import type { SidecarSettings } from './settings.ts';

/** The one replica of a sidecar's gate. */
export const appReplica = 'app';

/** What may be told of the app's gate beyond its limits. */
export type AppGateHooks = Pick<GateOptions, 'whenCold' | 'onReturn' | 'onRest'>;

/**
 * The gate before the app: as many at once as the revision's concurrency says, ten times as many wait, in the order of
 * arrival. A concurrency of 0 lets all through.
 */
export function createAppGate(
  settings: Pick<SidecarSettings, 'concurrency' | 'queueMax' | 'user'>,
  clock: Clock,
  hooks: Partial<AppGateHooks> = {},
): Gate {
  const gate = new Gate({
    settings: {
      model: 'app',
      max: settings.queueMax,
      maxBytes: Number.POSITIVE_INFINITY,
      balance: { strategy: 'first', session: null, maxLoadFactor: 1 },
    },
    clock,
    onDemand: () => undefined,
    whenCold: () => null,
    etaMs: () => null,
    ...hooks,
  });
  gate.addReplica(appReplica, `http://${settings.user.host}:${settings.user.port}`, settings.concurrency);
  return gate;
}
