import { kpaLimits } from '../core/kpa.ts';
import { goDurationMs, goInteger, goNumber } from './go-values.ts';
import type { Path } from './path.ts';
import { formatDuration } from './quantities.ts';

const domain = '.knative.dev';
const kpaClass = `kpa.autoscaling${domain}`;
const hpaClass = `hpa.autoscaling${domain}`;
const elsewhere = 'let its autoscaler own the count with pilotlight.dev/owner: external';

/** The value for the key, as the schema of the file takes it, or what is wrong. */
export type Reading = { readonly value: unknown } | { readonly fault: string };

/** How one annotation autoscaling.knative.dev/* is read, and which key of the model it stands for. */
export interface KpaRule {
  /** Without the prefix; the first that is there counts, as in Knative. */
  readonly names: readonly string[];
  /** Its key; null: it only has to be right. */
  readonly path: Path | null;
  readonly read: (text: string) => Reading;
}

const wordsOf = (ms: number) => (ms === 0 ? '0s' : formatDuration(ms));

function duration(minMs: number, { isWholeSeconds }: { isWholeSeconds: boolean }) {
  const range = `must be a duration from ${wordsOf(minMs)} to ${wordsOf(kpaLimits.windowMaxMs)}, such as 90s`;
  return (text: string): Reading => {
    const ms = goDurationMs(text);
    if (ms === null || ms < minMs || ms > kpaLimits.windowMaxMs) return { fault: range };
    if (isWholeSeconds && ms % 1_000 !== 0) return { fault: 'must be whole seconds, such as 90s' };
    return { value: formatDuration(Math.floor(ms)) };
  };
}

function number(min: number, max: number, words: string) {
  return (text: string): Reading => {
    const value = goNumber(text);
    return value === null || value < min || value > max ? { fault: words } : { value };
  };
}

function count(min: number, words: string, whenZero = 0) {
  return (text: string): Reading => {
    const value = goInteger(text);
    if (value === null || value < min || value > kpaLimits.countMax) return { fault: words };
    return { value: value === 0 ? whenZero : value };
  };
}

function choice(values: Readonly<Record<string, string>>, words: string) {
  return (text: string): Reading =>
    Object.hasOwn(values, text) ? { value: values[text] } : { fault: words };
}

function readClass(text: string): Reading {
  if (text === kpaClass) return { value: text };
  const known = `only ${kpaClass} is decided here: leave the annotation out`;
  if (text === hpaClass)
    return { fault: `${text} scales by what the gateway does not measure; ${known}, or ${elsewhere}` };
  const is = text.endsWith(domain) ? 'is no class of Knative' : 'is a class of another autoscaler';
  return { fault: `${text} ${is}; ${known}, or ${elsewhere}` };
}

function readMetric(text: string): Reading {
  if (text === 'concurrency' || text === 'rps') return { value: text };
  const fault = 'must be concurrency or rps';
  return text === 'cpu' || text === 'memory'
    ? { fault: `${fault}: the gateway does not measure ${text}; or ${elsewhere}` }
    : { fault };
}

function readBurst(text: string): Reading {
  const value = goNumber(text);
  return value === null || (value < 0 && value !== -1)
    ? { fault: 'must be a number of requests from 0 up, or -1 for bursts without limit' }
    : { value };
}

const { countMax } = kpaLimits;
const wholeNumber = `must be a whole number from 0 to ${countMax}`;

/** Knative's validation of its annotations (pkg/apis/autoscaling/annotation_validation.go), one by one. */
export const kpaRules: readonly KpaRule[] = [
  { names: ['class'], path: null, read: readClass },
  { names: ['metric'], path: ['scale', 'kpa', 'metric'], read: readMetric },
  { names: ['min-scale', 'minScale'], path: ['scale', 'min'], read: count(0, wholeNumber) },
  {
    names: ['max-scale', 'maxScale'],
    path: ['scale', 'max'],
    read: count(0, `${wholeNumber}; 0 is without limit`, countMax),
  },
  {
    names: ['initial-scale', 'initialScale'],
    path: ['scale', 'kpa', 'initialScale'],
    read: count(0, `${wholeNumber}; 0 starts none until somebody asks`),
  },
  {
    names: ['activation-scale'],
    path: ['scale', 'kpa', 'activationScale'],
    read: count(
      kpaLimits.activationScaleMin,
      'must be a whole number from 2 up; leave the annotation out for 1',
    ),
  },
  {
    names: ['scale-down-delay', 'scaleDownDelay'],
    path: ['scale', 'kpa', 'scaleDownDelay'],
    read: duration(0, { isWholeSeconds: true }),
  },
  {
    names: ['scale-to-zero-pod-retention-period', 'scaleToZeroPodRetentionPeriod'],
    path: ['scale', 'kpa', 'podRetention'],
    read: duration(0, { isWholeSeconds: false }),
  },
  {
    names: ['window'],
    path: ['scale', 'kpa', 'window'],
    read: duration(kpaLimits.windowMinMs, { isWholeSeconds: true }),
  },
  {
    names: ['target'],
    path: ['scale', 'kpa', 'target'],
    read: number(kpaLimits.targetMin, Number.MAX_VALUE, `must be a number from ${kpaLimits.targetMin} up`),
  },
  {
    names: ['target-utilization-percentage', 'targetUtilizationPercentage'],
    path: ['scale', 'kpa', 'targetUtilizationPercentage'],
    read: number(
      kpaLimits.utilizationPercentageMin,
      kpaLimits.utilizationPercentageMax,
      'must be a number from 1 to 100',
    ),
  },
  {
    names: ['target-burst-capacity', 'targetBurstCapacity'],
    path: ['scale', 'kpa', 'targetBurstCapacity'],
    read: readBurst,
  },
  {
    names: ['panic-window-percentage', 'panicWindowPercentage'],
    path: ['scale', 'kpa', 'panicWindowPercentage'],
    read: number(
      kpaLimits.panicWindowPercentageMin,
      kpaLimits.panicWindowPercentageMax,
      'must be a number from 1 to 100, of the window',
    ),
  },
  {
    names: ['panic-threshold-percentage', 'panicThresholdPercentage'],
    path: ['scale', 'kpa', 'panicThresholdPercentage'],
    read: number(
      kpaLimits.panicThresholdPercentageMin,
      kpaLimits.panicThresholdPercentageMax,
      'must be a number from 110 to 1000, of the target',
    ),
  },
  {
    names: ['metric-aggregation-algorithm', 'metricAggregationAlgorithm'],
    path: ['scale', 'kpa', 'aggregation'],
    read: choice(
      {
        '': 'linear',
        linear: 'linear',
        'weighted-exponential': 'weighted-exponential',
        weightedExponential: 'weighted-exponential',
      },
      'must be linear or weighted-exponential',
    ),
  },
];
