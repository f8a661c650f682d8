import type { Gate } from '../admission/gate.ts';
import type { Clock } from '../core/clock.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import type { Watchdog } from '../forward/watchdog.ts';
import type { LaneRequest } from '../relay/traffic.ts';
import type { MeteredRequest } from './metrics/sidecar-metrics.ts';
import type { Rank } from './model/rank.ts';
import type { RefusalStyle } from './model/refusals.ts';
import type { RequestCompany } from './request-company.ts';
import type { SidecarSettings } from './settings.ts';
import type { RequestStats } from './stats/request-stats.ts';
import type { UnderWay } from './under-way.ts';

/** What all crossings of a sidecar share. */
export interface CrossingParts {
  readonly clock: Clock;
  /** One replica, the app. */
  readonly gate: Gate;
  readonly watchdog: Watchdog;
  readonly stats: RequestStats;
  readonly underWay: UnderWay;
  readonly refusals: RefusalStyle;
  readonly user: SidecarSettings['user'];
  readonly timeouts: SidecarSettings['timeouts'];
  /** Where a request stands among those that wait. */
  rankOf(fields: FlatHeaders): Rank;
  /** What who waits waits for: `waiting` for a slot, `waking`. */
  phase(): string;
  /** What goes along with a request; null: nothing does. */
  readonly companyOf: ((request: LaneRequest) => RequestCompany) | null;
  /** Told of each request that has ended. Must not throw. */
  onEnded(request: EndedRequest): void;
}

/** A request that has ended; the crossing itself implements it. */
export interface EndedRequest extends MeteredRequest {
  /** It counts in no metric, and gets a line in the request log only where probes do. */
  readonly isProbe: boolean;
  /** Why the app gave no answer, or not all of it; null: it did, or was not asked. */
  readonly fault: Error | null;
}
