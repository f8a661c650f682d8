import type { Gate } from '../admission/gate.ts';
import type { Clock } from '../core/clock.ts';
import type { Watchdog } from '../forward/watchdog.ts';
import type { MeteredRequest } from './metrics/sidecar-metrics.ts';
import type { SidecarSettings } from './settings.ts';
import type { RequestStats } from './stats/request-stats.ts';
import type { UnderWay } from './under-way.ts';
import type { Voice } from './voice.ts';

/** What all crossings of a sidecar share. */
export interface CrossingParts {
  readonly clock: Clock;
  /** One replica, the app. */
  readonly gate: Gate;
  readonly watchdog: Watchdog;
  readonly stats: RequestStats;
  readonly underWay: UnderWay;
  readonly voice: Voice;
  readonly user: SidecarSettings['user'];
  readonly timeouts: SidecarSettings['timeouts'];
  /** Told of each request that has ended. Must not throw. */
  onEnded(request: EndedRequest): void;
}

/** A request that has ended; the crossing itself implements it. */
export interface EndedRequest extends MeteredRequest {
  /** It counts in no metric, and gets a line in the request log only where probes do. */
  readonly isProbe: boolean;
}
