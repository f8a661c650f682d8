import type { Counter, Registry } from 'prom-client';
import { CounterSeries, type DurationSeries, HistogramSeries } from './series.ts';

/** Where metrics are registered: a registry of prom-client, or what keeps them for one. */
export type MetricHolder = Pick<Registry, 'registerMetric'>;

/** What a metric is called, and what it says in one sentence. */
export interface FamilySpec {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Which series are printed; absent: all. */
  readonly isShown?: (labels: Labels) => boolean;
  /** Labels without a value are not printed: to Prometheus that is the same. */
  readonly omitsEmptyLabels?: boolean;
  /** Labels that each series has besides. */
  readonly constantLabels?: Labels;
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
  readonly #spec: FamilySpec;
  readonly #kind: Kind<S>;
  readonly #isShown: (labels: Labels) => boolean;
  readonly #entryByKey = new Map<string, { readonly labels: Labels; readonly series: S }>();

  constructor(registry: MetricHolder, spec: FamilySpec, kind: Kind<S>) {
    const { name, help, labelNames, isShown = () => true } = spec;
    this.name = name;
    this.help = help;
    this.type = kind.type;
    this.labelNames = labelNames;
    this.#spec = spec;
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
    const { omitsEmptyLabels = false, constantLabels = {} } = this.#spec;
    const own = this.labelNames.map((label, index) => [label, values[index]!] as const);
    const shown = omitsEmptyLabels ? own.filter(([, value]) => value !== '') : own;
    const labels = { ...Object.fromEntries(shown), ...constantLabels };
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

export function createCounterFamily(registry: MetricHolder, spec: FamilySpec): CounterFamily {
  return new Family(registry, spec, {
    type: 'counter',
    create: () => new CounterSeries(),
    samplesOf: (_name, labels, { value }) => [{ labels, value }],
  });
}

/** A histogram. */
export type HistogramFamily = Family<HistogramSeries>;

/** How a histogram is taken and printed. */
export interface HistogramShape {
  /** The buckets' upper bounds in the printed unit, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** How many of the unit in which amounts are taken make one printed: 1,000 for milliseconds printed as seconds. */
  readonly perUnit: number;
}

export function createHistogramFamily(
  registry: MetricHolder,
  spec: FamilySpec,
  { bounds, perUnit }: HistogramShape,
): HistogramFamily {
  const takenBounds = Float64Array.from(bounds, (bound) => bound * perUnit);
  return new Family(registry, spec, {
    type: 'histogram',
    create: () => new HistogramSeries(takenBounds),
    samplesOf(name, labels, series) {
      const counts = series.cumulated();
      const samples: Sample[] = counts.map((value, index) => ({
        metricName: `${name}_bucket`,
        labels: { le: bounds[index] ?? '+Inf', ...labels },
        value,
      }));
      samples.push({ metricName: `${name}_sum`, labels, value: series.sum / perUnit });
      samples.push({ metricName: `${name}_count`, labels, value: counts.at(-1)! });
      return samples;
    },
  });
}

/** A histogram of durations, in seconds. */
export type DurationFamily = Family<DurationSeries>;

/** `boundsS`: the buckets' upper bounds in seconds, ascending, without +Inf. */
export function createDurationFamily(
  registry: MetricHolder,
  spec: FamilySpec,
  boundsS: readonly number[],
): DurationFamily {
  return createHistogramFamily(registry, spec, { bounds: boundsS, perUnit: 1_000 });
}
