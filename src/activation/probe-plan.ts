import type { ReplicaStatus } from '../core/driver.ts';
import type { ReadySpec } from '../core/prober.ts';

/** Where and how a replica is probed; `origin` null: not yet. */
export interface PlannedProbe {
  readonly origin: string | null;
  readonly spec: ReadySpec;
}

/** The revision's way to probe, but for what the driver knows better of this replica. Pure. */
export function plannedProbe({ origin, probe = {} }: ReplicaStatus, ready: ReadySpec): PlannedProbe {
  const { kind, path, service, statuses, headers } = probe;
  return {
    origin: probe.origin ?? origin,
    spec: {
      ...ready,
      ...(kind === undefined ? {} : { kind }),
      ...(path === undefined ? {} : { path }),
      ...(service === undefined ? {} : { service }),
      ...(statuses === undefined ? {} : { statuses }),
      ...(headers === undefined ? {} : { headers }),
    },
  };
}
