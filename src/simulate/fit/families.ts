import { formatDuration } from '../../config/quantities.ts';
import { type ModelShape, type Policy, policyOf, policyOfModels, type Scale } from '../policy.ts';
import type { Trace } from '../trace.ts';
import { cheapestTime, gapsOf, pooled, quantilesOf, roundedUp } from './gaps.ts';

/** Settings of one kind, in order: each further one has more idle hours and less waiting than the one before. */
export interface Family {
  /** For people. */
  readonly name: string;
  readonly settings: readonly Setting[];
}

/** Settings that may be proposed. */
export interface Setting {
  /** For people: `idle 20m`. */
  readonly text: string;
  /** `scale` of a model. */
  scaleOf(model: string): Scale;
  readonly policy: Policy;
}

const steps = 64;
const leastPriceMs = 10_000;
const mostPriceMs = 20 * 86_400_000;
const priceRatio = 1.25;
/** Models of which less is known get the idle time that is best for all of them together. */
const leastGaps = 10;
const never = Number.POSITIVE_INFINITY;
const longestTimeMs = 2 * 86_400_000;

/**
 * What is tried for a trace: one idle time for all models, out of the quantiles of the times between requests; a learned
 * one, by the price of a cold start; and an idle time for each model that is best for its own times between requests, by
 * the same price. Each ends with what never goes to zero.
 */
export function familiesOf(trace: Trace, shape: ModelShape): readonly Family[] {
  const gaps = gapsOf(trace);
  const all = pooled(gaps);
  const times = timesMsOf(all);
  const always = uniform('always on', scaleOfIdle(never), shape);
  const prices = pricesMs();
  const fixed = times.map((ms) => uniform(`idle ${formatDuration(ms)}`, scaleOfIdle(ms), shape));
  const learned = prices.map((ms) => {
    const coldStartCost = formatDuration(ms);
    return uniform(
      `idle adaptive, coldStartCost ${coldStartCost}`,
      { min: 0, idle: 'adaptive', coldStartCost },
      shape,
    );
  });
  const lists = gaps.map((list) => (list.length < leastGaps ? all : list));
  const chances = lists.map((list) => ({ list, timesMs: [roundedUp(0), ...timesMsOf(list), never] }));
  const own = prices.map((priceMs) =>
    ownTimes(trace, shape, (index) => {
      const { list, timesMs } = chances[index]!;
      return cheapestTime(list, timesMs, priceMs);
    }),
  );
  return [
    { name: 'one idle time', settings: [...fixed, always] },
    { name: 'a learned idle time', settings: [...learned, always] },
    { name: 'an idle time for each model', settings: [...distinctBy(own, keyOf(trace)), always] },
  ];
}

/** `timeMsOf` the model with this index. */
function ownTimes({ models }: Trace, shape: ModelShape, timeMsOf: (index: number) => number): Setting {
  const timesMs = models.map((_, index) => timeMsOf(index));
  const scales = new Map(models.map((model, index) => [model, scaleOfIdle(timesMs[index]!)]));
  const finite = timesMs.filter((ms) => ms !== never);
  const warm = timesMs.length - finite.length;
  const text = [
    ...(finite.length > 0 ? [`idle ${rangeOf(finite)}`] : []),
    ...(warm > 0 ? [`${warm} of ${timesMs.length} models always on`] : []),
  ].join(', ');
  let policy: Policy | null = null;
  return {
    text,
    scaleOf: (model) => scales.get(model)!,
    get policy() {
      policy ??= policyOfModels(text, scales, shape);
      return policy;
    },
  };
}

function uniform(text: string, scale: Scale, shape: ModelShape): Setting {
  let policy: Policy | null = null;
  return {
    text,
    scaleOf: () => scale,
    get policy() {
      policy ??= policyOf(text, scale, shape);
      return policy;
    },
  };
}

/** In rising order, as a person would write them. */
function timesMsOf(sorted: Float64Array): number[] {
  return distinct(quantilesOf(sorted, steps).map(roundedUp)).filter((ms) => ms <= longestTimeMs);
}

function scaleOfIdle(ms: number): Scale {
  return ms === never ? { min: 1, idle: 0 } : { min: 0, idle: formatDuration(ms) };
}

function pricesMs(): number[] {
  const prices: number[] = [];
  for (let ms = leastPriceMs; ms <= mostPriceMs; ms *= priceRatio) prices.push(roundedUp(ms));
  return distinct(prices);
}

function distinct(values: readonly number[]): number[] {
  return [...new Set(values)];
}

function keyOf({ models }: Trace): (setting: Setting) => string {
  return (setting) => JSON.stringify(models.map((model) => setting.scaleOf(model)));
}

function distinctBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

function rangeOf(timesMs: readonly number[]): string {
  const [least, most] = [Math.min(...timesMs), Math.max(...timesMs)];
  return least === most ? formatDuration(least) : `${formatDuration(least)} to ${formatDuration(most)}`;
}
