import type { Counter } from 'prom-client';
import type { MetricHolder } from './family.ts';

/** Registers a gauge without labels whose value is asked for when it is printed; nothing of prom-client is loaded for it. */
export function registerGauge(
  registry: MetricHolder,
  spec: { readonly name: string; readonly help: string },
  read: () => number,
): void {
  const metric = {
    ...spec,
    type: 'gauge',
    get: () =>
      Promise.resolve({ ...spec, type: 'gauge', aggregator: 'sum', values: [{ labels: {}, value: read() }] }),
    reset: () => undefined,
  };
  // It has what a registry calls (name, type, get, reset), and none of what the users of a Counter do.
  registry.registerMetric(metric as unknown as Counter);
}
