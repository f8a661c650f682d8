import type { Registry } from 'prom-client';
import type { MetricHolder } from '../../meter/family.ts';

type RegisteredMetric = Parameters<MetricHolder['registerMetric']>[0];

/** A list of metrics that becomes a registry of prom-client when it is first printed: a sidecar that nobody scrapes loads none. */
export class MetricList implements MetricHolder {
  readonly #metrics: RegisteredMetric[] = [];
  readonly #registerMore: (registry: Registry) => void | Promise<void>;
  #registry: Promise<Registry> | null = null;

  /** `registerMore`: called once, at the first print, for what needs prom-client's own classes. */
  constructor(registerMore: (registry: Registry) => void | Promise<void>) {
    this.#registerMore = registerMore;
  }

  /** Adds a metric; before the first print. */
  registerMetric(metric: RegisteredMetric): void {
    if (this.#registry !== null) throw new Error('the metrics were printed already: none can be added');
    this.#metrics.push(metric);
  }

  /** Prometheus' text format. */
  async print(): Promise<string> {
    this.#registry ??= this.#build();
    return (await this.#registry).metrics();
  }

  async #build(): Promise<Registry> {
    const { Registry: PromRegistry } = await import('../../meter/prom-core.ts');
    const registry = new PromRegistry();
    for (const metric of this.#metrics) registry.registerMetric(metric);
    await this.#registerMore(registry);
    return registry;
  }
}
