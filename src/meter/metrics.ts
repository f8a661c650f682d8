import { type CounterFamily, createCounterFamily } from './family.ts';
import { type GpuGauges, registerGpuGauges } from './gpu-gauges.ts';
import { type ReadJobs, registerJobGauges } from './job-gauges.ts';
import { type ReadModels, registerModelGauges } from './model-gauges.ts';
import { ModelMeter, type RequestFacts } from './model-meter.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { Counter, Gauge, Registry } from './prom-core.ts';
import { createRequestMetrics, type RequestMetrics } from './request-metrics.ts';

/** Where the values are read at each scrape. */
export interface MetricsSources {
  readonly models: ReadModels;
  /** Whether a model is configured: the series of one that was removed are not printed any more. */
  readonly hasModel: (model: string) => boolean;
  /** The GPUs that models share. */
  readonly gpus: () => readonly GpuGauges[];
  /** Bytes of bodies in memory and in spool files. */
  readonly held: { readonly memoryBytes: number; readonly spoolBytes: number };
  /** Log lines that nobody took. */
  readonly droppedLogLines: () => number;
  /** Lists of a cluster's collections, by reason; null: there is no cluster. */
  readonly clusterLists: () => ReadonlyMap<string, number> | null;
  readonly jobs: ReadJobs;
}

/** Every metric of the gateway, in a registry of its own. Names: pilotlight_<noun>_<unit>[_total]. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requestMetrics: RequestMetrics;
  readonly #reloads: CounterFamily;
  readonly #webhooks: CounterFamily;
  readonly #meterByModel = new Map<string, ModelMeter>();

  constructor(sources: MetricsSources) {
    const { models, hasModel, gpus, held, droppedLogLines, clusterLists, jobs } = sources;
    const { registry } = this;
    this.#requestMetrics = createRequestMetrics(registry, hasModel);
    registerModelGauges(registry, models);
    registerJobGauges(registry, jobs);
    registerGpuGauges(registry, gpus);
    registerHeldBytes(registry, held);
    this.#reloads = createCounterFamily(registry, {
      name: 'pilotlight_config_reloads_total',
      help: 'Changes of the configuration, by outcome: taken, refused.',
      labelNames: ['outcome'],
    });
    for (const outcome of ['taken', 'refused']) this.#reloads.series(outcome);
    this.#webhooks = createCounterFamily(registry, {
      name: 'pilotlight_webhook_tries_total',
      help: 'Webhooks about jobs that were tried, by outcome: delivered, retried (tried again later), given_up.',
      labelNames: ['surface', 'outcome'],
    });
    registerDroppedLines(registry, droppedLogLines);
    registerClusterLists(registry, clusterLists);
    registerProcessMetrics(registry);
  }

  /** A changed configuration was taken or refused. */
  reloaded(outcome: 'taken' | 'refused'): void {
    this.#reloads.series(outcome).add(1);
  }

  /** A request to a platform's API has ended. */
  surfaceAsked(surface: string, { outcome, totalMs }: Pick<RequestFacts, 'outcome' | 'totalMs'>): void {
    this.#requestMetrics.surfaceRequests.series(surface, outcome).add(1);
    this.#requestMetrics.surfaceDuration.series(surface).observe(totalMs);
  }

  /** A webhook about a job was tried. */
  webhookTried(surface: string, { outcome }: { readonly outcome: string }): void {
    this.#webhooks.series(surface, outcome).add(1);
  }

  /** A request has ended before a configured model was known. */
  unrouted(outcome: string): void {
    this.#requestMetrics.requests.series('', outcome).add(1);
  }

  /** The meter of a model, the same one for all of its revisions. */
  model(model: string): ModelMeter {
    const known = this.#meterByModel.get(model);
    if (known !== undefined) return known;
    const meter = new ModelMeter(model, this.#requestMetrics);
    this.#meterByModel.set(model, meter);
    return meter;
  }
}

function registerHeldBytes(registry: Registry, held: MetricsSources['held']): void {
  new Gauge({
    name: 'pilotlight_held_bytes',
    help: 'Bytes of the bodies that are kept while requests wait, by place: memory, spool.',
    labelNames: ['place'],
    registers: [registry],
    collect() {
      this.set({ place: 'memory' }, held.memoryBytes);
      this.set({ place: 'spool' }, held.spoolBytes);
    },
  });
}

function registerDroppedLines(registry: Registry, read: () => number): void {
  new Counter({
    name: 'pilotlight_log_dropped_lines_total',
    help: 'Lines of the log that were dropped because nobody took them.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function registerClusterLists(registry: Registry, read: MetricsSources['clusterLists']): void {
  new Counter({
    name: 'pilotlight_cluster_lists_total',
    help:
      'Lists of the collections of a cluster that are watched, by reason: first, expired (the API server answered 410: ' +
      'it has forgotten where the watch stood), resync, projection (more of each object is to be kept).',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of read() ?? []) this.inc({ reason }, count);
    },
  });
}
