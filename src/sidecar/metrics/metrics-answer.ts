import type { LaneHead, OwnAnswer } from '../../relay/traffic.ts';
import { methodNotAllowed, notFound, pathOf } from '../scrape-answers.ts';
import type { SidecarMetrics } from './sidecar-metrics.ts';

/** As the original's exporter writes it. */
const contentType = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

/** Port 9091: GET and HEAD of /metrics are the metrics in Prometheus' text format; other methods 405, other paths 404. */
export async function answerMetrics(metrics: SidecarMetrics, head: LaneHead): Promise<OwnAnswer> {
  if (pathOf(head.target) !== '/metrics') return notFound;
  if (head.method !== 'GET' && head.method !== 'HEAD') return methodNotAllowed;
  return { status: 200, fields: ['content-type', contentType], body: await metrics.print() };
}
