import type { Registry } from 'prom-client';
import type { MetricHolder } from '../../meter/family.ts';
import type { HistogramSeries } from '../../meter/series.ts';
import type { LaneHead } from '../../relay/traffic.ts';
import type { ResourceAttributes } from '../telemetry-resource.ts';
import { createHttpFamilies, type HttpFamilies, queueScope } from './http-families.ts';
import { MetricList } from './metric-list.ts';
import { SeriesCache } from './series-cache.ts';

/** One request that has ended, as its crossing knows it. Probes and what the sidecar answers them are none. */
export interface MeteredRequest {
  readonly head: LaneHead;
  /** What the client got; of one that left before an answer: what it was to get. */
  readonly status: number;
  /** From the head's arrival to the end. */
  readonly totalMs: number;
  /** Of the bodies, as they passed. */
  readonly uploadBytes: number;
  readonly answerBytes: number;
  /** From when it had a slot to the end; null: it never had one. */
  readonly servedMs: number | null;
  /** From then to the head of the app's answer, or to its failure. */
  readonly headMs: number;
  /** The app's status; 0: no answer came. */
  readonly appStatus: number;
}

/** Where the metrics come from. */
export interface SidecarMetricsOptions {
  readonly resource: ResourceAttributes;
  readonly version: string;
  /** Where the app is. */
  readonly app: { readonly host: string; readonly port: number };
  /** Requests that have or wait for a slot; null: there is no limit, and so no such gauge. */
  readonly queueDepth: (() => number) | null;
}

/**
 * The metrics of port 9091, under the names, labels and buckets that queue-proxy's exporter gives them. Nothing of
 * prom-client is loaded until they are printed.
 */
export class SidecarMetrics {
  readonly #list: MetricList;
  readonly #families: HttpFamilies;
  readonly #cache: SeriesCache;
  readonly #invocationByStatus = new Map<number, HistogramSeries>();

  constructor(options: SidecarMetricsOptions) {
    this.#list = new MetricList((registry) => registerGauges(registry, options));
    this.#families = createHttpFamilies(this.#list, options.version);
    this.#cache = new SeriesCache(this.#families, options.app);
  }

  /** Where further metrics are registered, before the first print. */
  get holder(): MetricHolder {
    return this.#list;
  }

  /** Takes a request that has ended; allocates nothing where one like it was there before. */
  ended(request: MeteredRequest): void {
    const { totalMs, uploadBytes, servedMs } = request;
    const server = this.#cache.server(request);
    server.upload.observe(uploadBytes);
    server.answer.observe(request.answerBytes);
    server.duration.observe(totalMs);
    if (servedMs === null) return;
    const client = this.#cache.client(request);
    client.upload.observe(uploadBytes);
    client.duration.observe(request.headMs);
    this.#invocation(request.appStatus || request.status).observe(servedMs);
  }

  /** Prometheus' text format. */
  print(): Promise<string> {
    return this.#list.print();
  }

  #invocation(status: number): HistogramSeries {
    const known = this.#invocationByStatus.get(status);
    if (known !== undefined) return known;
    const series = this.#families.invocation.series(String(status));
    this.#invocationByStatus.set(status, series);
    return series;
  }
}

async function registerGauges(registry: Registry, options: SidecarMetricsOptions): Promise<void> {
  const { resource, queueDepth } = options;
  const { Gauge } = await import('../../meter/prom-core.ts');
  const { registerProcessMetrics } = await import('../../meter/process-metrics.ts');
  if (queueDepth !== null) {
    new Gauge({
      name: 'kn_serving_queue_depth',
      help: 'Number of current requests in the queue',
      labelNames: Object.keys(queueScope),
      registers: [registry],
      collect() {
        this.set(queueScope, queueDepth());
      },
    });
  }
  const labels = Object.fromEntries(
    Object.entries(resource).map(([name, value]) => [name.replace(/[^a-zA-Z0-9_]/g, '_'), value]),
  );
  const target = new Gauge({
    name: 'target_info',
    help: 'Target metadata',
    labelNames: Object.keys(labels),
    registers: [registry],
  });
  target.set(labels, 1);
  registerProcessMetrics(registry);
}
