import type { Counter, Registry } from 'prom-client';
import { CounterSeries, DurationSeries } from './series.ts';

/** What a metric is called, and what it says in one sentence. */
export interface FamilySpec {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Which series are printed; absent: all. */
  readonly isShown?: (labels: Labels) => boolean;
}

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** How the series of a family are made and printed. */
interface Kind<S> {
  readonly type: 'counter' | 'histogram';
  create(): S;
  samplesOf(name: string, labels: Labels, series: S): Sample[];
}

/**
 * A metric whose series are objects that the hot path holds; prom-client's own bound children check and hash their
 * labels at each observation, at twenty times the cost. prom-client prints it like one of its own.
 */
export class Family<S> {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly labelNames: readonly string[];
  readonly #kind: Kind<S>;
  readonly #isShown: (labels: Labels) => boolean;
  readonly #entryByKey = new Map<string, { readonly labels: Labels; readonly series: S }>();

  constructor(registry: Registry, spec: FamilySpec, kind: Kind<S>) {
    const { name, help, labelNames, isShown = () => true } = spec;
    this.name = name;
    this.help = help;
    this.type = kind.type;
    this.labelNames = labelNames;
    this.#kind = kind;
    this.#isShown = isShown;
    // It has what a registry calls (name, type, get, reset), and none of what the users of a Counter do.
    registry.registerMetric(this as unknown as Counter);
  }

  /** The series with these label values, in the order of `labelNames`; made at the first call. */
  series(...values: readonly string[]): S {
    const key = values.join('\0');
    const known = this.#entryByKey.get(key);
    if (known !== undefined) return known.series;
    const labels = Object.fromEntries(this.labelNames.map((label, index) => [label, values[index]!]));
    const series = this.#kind.create();
    this.#entryByKey.set(key, { labels, series });
    return series;
  }

  /** What a registry prints. */
  get(): Promise<object> {
    const { name, help, type } = this;
    const values: Sample[] = [];
    for (const { labels, series } of this.#entryByKey.values())
      if (this.#isShown(labels)) values.push(...this.#kind.samplesOf(name, labels, series));
    return Promise.resolve({ name, help, type, aggregator: 'sum', values });
  }

  /** What a registry's resetMetrics calls. */
  reset(): void {
    this.#entryByKey.clear();
  }
}

/** A counter. */
export type CounterFamily = Family<CounterSeries>;

export function createCounterFamily(registry: Registry, spec: FamilySpec): CounterFamily {
  return new Family(registry, spec, {
    type: 'counter',
    create: () => new CounterSeries(),
    samplesOf: (_name, labels, { value }) => [{ labels, value }],
  });
}

/** A histogram of durations, in seconds. */
export type DurationFamily = Family<DurationSeries>;

/** `boundsS`: the buckets' upper bounds in seconds, ascending, without +Inf. */
export function createDurationFamily(
  registry: Registry,
  spec: FamilySpec,
  boundsS: readonly number[],
): DurationFamily {
  const boundsMs = Float64Array.from(boundsS, (bound) => bound * 1000);
  return new Family(registry, spec, {
    type: 'histogram',
    create: () => new DurationSeries(boundsMs),
    samplesOf(name, labels, series) {
      const counts = series.cumulated();
      const samples: Sample[] = counts.map((value, index) => ({
        metricName: `${name}_bucket`,
        labels: { le: boundsS[index] ?? '+Inf', ...labels },
        value,
      }));
      samples.push({ metricName: `${name}_sum`, labels, value: series.sumMs / 1000 });
      samples.push({ metricName: `${name}_count`, labels, value: counts.at(-1)! });
      return samples;
    },
  });
}
