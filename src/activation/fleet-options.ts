import type { Driver, Target } from '../core/driver.ts';
import type { LoadGauge } from '../core/load-gauge.ts';
import type { FleetListener } from './fleet-listener.ts';
import type { ReplicaHost } from './replica-host.ts';

/** What a fleet works with. */
export interface FleetOptions {
  readonly target: Target;
  readonly driver: Driver;
  /** null: no replica is asked what it runs for others. */
  readonly gauge: LoadGauge | null;
  readonly host: ReplicaHost;
  readonly listener: FleetListener;
  readonly signal: AbortSignal;
}
