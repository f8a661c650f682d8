import type { LaneHead, OwnAnswer } from '../../relay/traffic.ts';
import { notFound, pathOf } from '../scrape-answers.ts';
import type { RequestStats } from './request-stats.ts';
import { encodeStat } from './stat-message.ts';

/** What port 9090 answers from. */
export interface StatSource {
  /** SERVING_POD. */
  readonly pod: string;
  readonly stats: RequestStats;
}

/**
 * Port 9090: /metrics (by any method, and whatever is accepted, as the original does) is the Stat of the last whole report
 * period as protobuf; before the first one is over only its pod's name. Any other path is 404.
 */
export async function answerStat(
  { pod, stats }: StatSource,
  head: LaneHead,
  nowMs: number,
): Promise<OwnAnswer> {
  if (pathOf(head.target) !== '/metrics') return notFound;
  const report = stats.report(nowMs);
  const stat = {
    podName: pod,
    averageConcurrentRequests: report?.averageConcurrency ?? 0,
    averageProxiedConcurrentRequests: report?.averageProxiedConcurrency ?? 0,
    requestCount: report?.requestsPerSecond ?? 0,
    proxiedRequestCount: report?.proxiedRequestsPerSecond ?? 0,
    processUptimeS: report?.uptimeS ?? 0,
  };
  return {
    status: 200,
    fields: ['content-type', 'application/protobuf'],
    body: Buffer.from(await encodeStat(stat)),
  };
}
