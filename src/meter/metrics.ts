import { Gauge, Registry } from 'prom-client';
import { type CounterFamily, createCounterFamily } from './family.ts';
import { ModelMeter } from './model-meter.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { createRequestMetrics, type RequestMetrics } from './request-metrics.ts';

/** What of a model is read at the moment of a scrape. */
export interface ModelGauges {
  readonly waiting: number;
  readonly inFlight: number;
  readonly waitingBytes: number;
  readonly oldestWaitMs: number;
  readonly readyReplicas: number;
  readonly startingReplicas: number;
}

export type { ModelMeter };

/** Every metric of the gateway, in a registry of its own. Names: pilotlight_<noun>_<unit>[_total]. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requestMetrics: RequestMetrics;
  readonly #reloads: CounterFamily;
  readonly #meterByModel = new Map<string, ModelMeter>();

  /** Gauges are read from `models` at each scrape. */
  constructor(models: () => Iterable<readonly [string, ModelGauges]>, heldBytes: () => number) {
    const { registry } = this;
    this.#requestMetrics = createRequestMetrics(registry);
    this.#gauge('pilotlight_queue_requests', 'Waiting requests.', models, (m) => m.waiting);
    this.#gauge('pilotlight_queue_bytes', 'Bodies of waiting requests.', models, (m) => m.waitingBytes);
    this.#gauge(
      'pilotlight_queue_oldest_seconds',
      'Wait of the oldest.',
      models,
      (m) => m.oldestWaitMs / 1000,
    );
    this.#gauge('pilotlight_in_flight_requests', 'Requests at replicas.', models, (m) => m.inFlight);
    this.#gauge('pilotlight_ready_replicas', 'Replicas that take requests.', models, (m) => m.readyReplicas);
    this.#gauge('pilotlight_starting_replicas', 'Replicas that start.', models, (m) => m.startingReplicas);
    const registers = [this.registry];
    const help = 'Bytes of bodies held in memory.';
    new Gauge({
      name: 'pilotlight_held_bytes',
      help,
      registers,
      collect: function () {
        this.set(heldBytes());
      },
    });
    this.#reloads = createCounterFamily(registry, {
      name: 'pilotlight_config_reloads_total',
      help: 'Changes of the configuration, by outcome: taken, refused.',
      labelNames: ['outcome'],
    });
    for (const outcome of ['taken', 'refused']) this.#reloads.series(outcome);
    registerProcessMetrics(registry);
  }

  #gauge(
    name: string,
    help: string,
    models: () => Iterable<readonly [string, ModelGauges]>,
    value: (gauges: ModelGauges) => number,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: ['model'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [model, gauges] of models()) this.set({ model }, value(gauges));
      },
    });
  }

  /** A changed configuration was taken or refused. */
  reloaded(outcome: 'taken' | 'refused'): void {
    this.#reloads.series(outcome).add(1);
  }

  /** A request has ended that named no model that there is. */
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

  /** Forgets the series of the models that are not among `models` any more. */
  retain(models: ReadonlySet<string>): void {
    for (const model of this.#meterByModel.keys()) if (!models.has(model)) this.#meterByModel.delete(model);
    for (const family of Object.values(this.#requestMetrics))
      family.retain('model', (model) => model === '' || models.has(model));
  }
}
