import { seededRandom } from './seeded-random.ts';
import type { Spread } from './spread.ts';
import type { TraceBuilder } from './trace.ts';

/** Requests that come by a rule, to each of `models` models. */
export interface Arrivals {
  readonly kind: 'poisson' | 'burst' | 'daily' | 'regular';
  /** Mean number of arrivals (of bursts, for `burst`) in a millisecond, per model. */
  readonly ratePerMs: number;
  /** Requests of a burst; else 1. */
  readonly size: number;
  readonly models: number;
}

/** What is generated. */
export interface GenerateOptions {
  readonly arrivals: readonly Arrivals[];
  readonly durationMs: number;
  readonly exec: Spread;
  readonly seed: number;
}

const msByUnit: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const dayMs = 86_400_000;
/** Mean time between the requests of a burst. */
const burstGapMs = 1_000;
const mostLateShare = 0.01;

/** How arrivals are written. */
const arrivalsUsage =
  'poisson:6/h, burst:20@2/d, daily:100/d or regular:1/h, each with xMODELS behind it for several models';

const written = /^(?:(poisson|daily|regular):|(burst):(\d+)@)(\d+(?:\.\d+)?)\/([smhd])(?:x(\d+))?$/;

/** Reads `poisson:6/h`, `burst:20@2/dx10` (bursts of 20, two a day, for 10 models), `daily:100/d`, `regular:1/h`; several with commas. Throws an Error of one line. */
export function parseArrivals(text: string): readonly Arrivals[] {
  return text.split(',').map((part) => {
    const [, plain, burst, size = '1', rate = '', unit = '', models = '1'] = written.exec(part.trim()) ?? [];
    const kind = (plain ?? burst) as Arrivals['kind'] | undefined;
    if (kind === undefined || Number(rate) === 0 || Number(size) === 0 || Number(models) === 0)
      throw new Error(`"${part}" is not written as ${arrivalsUsage}`);
    return { kind, ratePerMs: Number(rate) / msByUnit[unit]!, size: Number(size), models: Number(models) };
  });
}

/** Adds the requests to `builder`, from its beginning on; how many. The same options give the same requests. */
export function generate(
  builder: TraceBuilder,
  { arrivals, durationMs, exec, seed }: GenerateOptions,
): number {
  const before = builder.count;
  const namesakes = new Map<string, number>();
  for (const rule of arrivals)
    for (let i = 0; i < rule.models; i++) {
      const number = (namesakes.get(rule.kind) ?? 0) + 1;
      namesakes.set(rule.kind, number);
      const model = `${rule.kind}-${number}`;
      const random = seededRandom(seed, model);
      for (const arrivalMs of instants(rule, durationMs, random))
        builder.add({ model, arrivalMs, execMs: exec.at(random()) }, 'start');
    }
  return builder.count - before;
}

function* instants(rule: Arrivals, durationMs: number, random: () => number): Generator<number> {
  if (rule.kind === 'regular') return yield* regularInstants(1 / rule.ratePerMs, durationMs, random);
  const isDaily = rule.kind === 'daily';
  // A wave by thinning: as many as at its peak, of which each stays with the share that its hour has of the peak.
  const peakRate = isDaily ? 2 * rule.ratePerMs : rule.ratePerMs;
  for (let atMs = gap(random, peakRate); atMs < durationMs; atMs += gap(random, peakRate)) {
    if (isDaily && random() >= shareOfPeak(atMs)) continue;
    yield atMs;
    for (let more = 1, nextMs = atMs; more < rule.size; more++) {
      nextMs += gap(random, 1 / burstGapMs);
      if (nextMs < durationMs) yield nextMs;
    }
  }
}

/** At equal distances from some instant on, each up to a hundredth of the distance late, as a job by the clock is. */
function* regularInstants(everyMs: number, durationMs: number, random: () => number): Generator<number> {
  for (let atMs = random() * everyMs; atMs < durationMs; atMs += everyMs) {
    const lateMs = random() * everyMs * mostLateShare;
    if (atMs + lateMs < durationMs) yield atMs + lateMs;
  }
}

/** Exponential. */
function gap(random: () => number, ratePerMs: number): number {
  return -Math.log(1 - random()) / ratePerMs;
}

/** 0 at midnight, 1 at noon. */
function shareOfPeak(atMs: number): number {
  return (1 - Math.cos((2 * Math.PI * atMs) / dayMs)) / 2;
}
