import type { BackendSettings, ModelSettings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import type { Driver } from './core/driver.ts';
import type { Prober } from './core/prober.ts';
import { createProcessDriver } from './drivers/process/process-driver.ts';
import { createStaticDriver } from './drivers/static/static-driver.ts';
import type { Log } from './meter/log.ts';
import { createProber } from './probe/http-prober.ts';

/** What reaches out of the gateway, besides the requests themselves. */
export interface Edges {
  readonly prober: Prober;
  driverOf(model: ModelSettings): Driver;
  /** Ends all that the drivers started, and what is still being asked. */
  close(): Promise<void>;
}

export interface EdgesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Marks the child processes of this configuration. */
  readonly ownerHash: string;
}

/** Makes the drivers and the prober. */
export function createEdges({ clock, log, ownerHash }: EdgesOptions): Edges {
  const prober = createProber();
  const onFault = (error: unknown) => log.error({ err: error }, 'process driver fault');
  const drivers: Record<BackendSettings['driver'], Driver> = {
    process: createProcessDriver({ clock, ownerHash, onFault }) as Driver,
    static: createStaticDriver({ clock }) as Driver,
    // The configuration refuses it until its driver stands beside these.
    kubernetes: createStaticDriver({ clock }) as Driver,
  };
  return {
    prober,
    driverOf: ({ revision: { backend } }) => drivers[backend.driver],
    async close() {
      await Promise.all([...Object.values(drivers), prober].map((edge) => edge.close()));
    },
  };
}
