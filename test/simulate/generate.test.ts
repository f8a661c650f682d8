import { describe, expect, it } from 'vitest';
import { generate, parseArrivals } from '../../src/simulate/generate.ts';
import { seededRandom } from '../../src/simulate/seeded-random.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { TraceBuilder } from '../../src/simulate/trace.ts';

const dayMs = 86_400_000;

function traceOf(arrivals: string, seed = 1, days = 50) {
  const builder = new TraceBuilder();
  const exec = parseSpread('2s');
  generate(builder, { arrivals: parseArrivals(arrivals), durationMs: days * dayMs, exec, seed });
  return builder.build();
}

describe('generated requests', () => {
  it('come as often as was asked for, to as many models', () => {
    const { models, count, execMs } = traceOf('poisson:6/hx3,daily:100/d');
    expect(models).toEqual(['poisson-1', 'poisson-2', 'poisson-3', 'daily-1']);
    const expected = 3 * 6 * 24 * 50 + 100 * 50;
    expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
    expect(new Set(execMs)).toEqual(new Set([2_000]));
  });

  it('have gaps that do not remember, where they are Poisson', () => {
    const { arrivalMs } = traceOf('poisson:60/h');
    const gaps = [...arrivalMs].slice(1).map((ms, i) => ms - arrivalMs[i]!);
    const mean = gaps.reduce((sum, ms) => sum + ms, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / gaps.length);
    expect(deviation / mean).toBeGreaterThan(0.97);
    expect(deviation / mean).toBeLessThan(1.03);
  });

  it('come in bursts, each as large as was asked for', () => {
    const { arrivalMs, count } = traceOf('burst:20@2/d', 1, 100);
    const gaps = [...arrivalMs].slice(1).map((ms, i) => ms - arrivalMs[i]!);
    const bursts = gaps.filter((ms) => ms > 60_000).length + 1;
    expect(Math.abs(count / 20 - bursts)).toBeLessThan(3);
    expect(Math.abs(bursts - 200)).toBeLessThan(71);
  });

  it('rise to noon and fall to midnight, where they are daily', () => {
    const hourly = new Array<number>(24).fill(0);
    for (const ms of traceOf('daily:500/d').arrivalMs) hourly[Math.floor((ms % dayMs) / 3_600_000)]!++;
    const at = (...hours: number[]) => hours.reduce((sum, hour) => sum + hourly[hour]!, 0);
    expect(at(11, 12)).toBeGreaterThan(20 * at(23, 0));
    expect(at(11, 12)).toBeGreaterThan(1.7 * at(5, 6));
    expect(at(11, 12)).toBeLessThan(2.4 * at(5, 6));
  });

  it('come at equal distances, each up to a hundredth late, where they are regular', () => {
    const hourMs = dayMs / 24;
    const { arrivalMs, count } = traceOf('regular:1/h');
    expect(Math.abs(count - 50 * 24)).toBeLessThanOrEqual(1);
    const late = [...arrivalMs].map((ms, at) => ms - arrivalMs[0]! - at * hourMs);
    expect(Math.max(...late) - Math.min(...late)).toBeLessThanOrEqual(hourMs / 100);
    expect(Math.max(...late) - Math.min(...late)).toBeGreaterThan(hourMs / 200);
  });

  it('are the same for the same seed, and others for another', () => {
    expect(traceOf('poisson:6/h', 3)).toEqual(traceOf('poisson:6/h', 3));
    expect(traceOf('poisson:6/h', 3).arrivalMs).not.toEqual(traceOf('poisson:6/h', 4).arrivalMs);
  });

  it.each([
    'poisson',
    'poisson:6',
    'poisson:0/h',
    'burst:6/h',
    'burst:0@1/h',
    'weekly:1/d',
    'poisson:1/hx0',
    '',
  ])('are refused where they are written as %j', (text) =>
    expect(() => parseArrivals(text)).toThrow('is not written as poisson:6/h'),
  );
});

describe('a spread of durations', () => {
  it('is linear between its quantiles, and has the outer ones beyond them', () => {
    const spread = parseSpread('10%:1s, 50%:3s,90%:30s');
    expect([0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999].map((share) => spread.at(share))).toEqual([
      1_000, 1_000, 2_000, 3_000, 16_500, 30_000, 30_000,
    ]);
    expect(spread.longestMs).toBe(30_000);
    expect([0, 0.5, 0.999].map((share) => parseSpread('22.7s').at(share))).toEqual([22_700, 22_700, 22_700]);
  });

  it.each([
    ['soon', 'is neither a duration nor a quantile'],
    ['50%', 'is neither a duration nor a quantile'],
    ['101%:1s', 'is neither a duration nor a quantile'],
    ['50%:3s,50%:4s', 'quantiles must rise'],
    ['50%:3s,90%:2s', 'quantiles must rise'],
  ])('is refused where it is written as %j', (text, message) =>
    expect(() => parseSpread(text)).toThrow(message),
  );
});

describe('seeded numbers', () => {
  it('are even, and independent of those of another name or seed', () => {
    const draw = (seed: number, name: string) => {
      const random = seededRandom(seed, name);
      return Array.from({ length: 20_000 }, random);
    };
    const streams = [draw(1, 'a'), draw(1, 'b'), draw(2, 'a'), draw(2 ** 40 + 1, 'a')];
    for (const stream of streams) {
      expect(Math.min(...stream)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...stream)).toBeLessThan(1);
      for (let tenth = 0; tenth < 10; tenth++)
        expect(
          Math.abs(stream.filter((value) => Math.floor(value * 10) === tenth).length - 2_000),
        ).toBeLessThan(220);
    }
    const centred = (stream: number[], at: number) => stream[at]! - 0.5;
    for (const [i, one] of streams.entries())
      for (const other of streams.slice(i + 1)) {
        const product = one.reduce((sum, _, at) => sum + centred(one, at) * centred(other, at), 0);
        expect(Math.abs(product / 20_000 / (1 / 12))).toBeLessThan(0.03);
      }
    expect(draw(1, 'a')).toEqual(streams[0]);
  });
});
