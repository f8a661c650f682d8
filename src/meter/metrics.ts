import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What of a model is read at the moment of a scrape. */
export interface ModelGauges {
  readonly waiting: number;
  readonly inFlight: number;
  readonly waitingBytes: number;
  readonly oldestWaitMs: number;
  readonly readyReplicas: number;
  readonly startingReplicas: number;
}

/** How one request went. */
interface RequestFacts {
  /** `answered`, `gone`, or the code of the error. */
  readonly outcome: string;
  readonly waitMs: number;
  /** To the response's head, from arrival; null when there was none. */
  readonly firstByteMs: number | null;
  readonly totalMs: number;
  readonly retries: number;
}

const secondBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** One model's bound counters, so that the hot path looks nothing up by label. */
export interface ModelMeter {
  finished(facts: RequestFacts): void;
  started(outcome: 'ready' | 'failed', totalMs: number): void;
}

/** Every metric of the gateway, in a registry of its own. Names: pilotlight_<noun>_<unit>[_total]. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests = this.#counter('pilotlight_requests_total', 'Requests by outcome.', [
    'model',
    'outcome',
  ]);
  readonly #retries = this.#counter('pilotlight_retries_total', 'Attempts repeated on another replica.', [
    'model',
  ]);
  readonly #wait = this.#histogram('pilotlight_wait_seconds', 'Time in the queue.', ['model']);
  readonly #firstByte = this.#histogram(
    'pilotlight_first_byte_seconds',
    'Arrival to the head of the answer.',
    ['model'],
  );
  readonly #duration = this.#histogram('pilotlight_request_seconds', 'Arrival to the end of the answer.', [
    'model',
  ]);
  readonly #starts = this.#histogram('pilotlight_cold_start_seconds', 'Wake to ready.', ['model', 'outcome']);
  readonly #reloads = this.#counter('pilotlight_config_reloads_total', 'Configuration reloads.', ['outcome']);

  /** Gauges are read from `models` at each scrape. */
  constructor(models: () => Iterable<readonly [string, ModelGauges]>, heldBytes: () => number) {
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
    this.#eventLoop();
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets: secondBuckets, registers: [this.registry] });
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

  #eventLoop(): void {
    const delay = monitorEventLoopDelay({ resolution: 20 });
    delay.enable();
    new Gauge({
      name: 'pilotlight_event_loop_lag_seconds',
      help: '99 % of the event loop delay since the last scrape.',
      registers: [this.registry],
      collect() {
        this.set(delay.percentile(99) / 1e9);
        delay.reset();
      },
    });
  }

  /** A configuration was taken or refused. */
  reloaded(outcome: 'taken' | 'refused'): void {
    this.#reloads.inc({ outcome });
  }

  /** The bound counters of one model. */
  model(model: string): ModelMeter {
    const retries = this.#retries.labels(model);
    const wait = this.#wait.labels(model);
    const firstByte = this.#firstByte.labels(model);
    const duration = this.#duration.labels(model);
    const answered = this.#requests.labels(model, 'answered');
    return {
      finished: (facts) => {
        if (facts.outcome === 'answered') answered.inc();
        else this.#requests.labels(model, facts.outcome).inc();
        if (facts.retries > 0) retries.inc(facts.retries);
        wait.observe(facts.waitMs / 1000);
        if (facts.firstByteMs !== null) firstByte.observe(facts.firstByteMs / 1000);
        duration.observe(facts.totalMs / 1000);
      },
      started: (outcome, totalMs) => this.#starts.labels(model, outcome).observe(totalMs / 1000),
    };
  }
}
