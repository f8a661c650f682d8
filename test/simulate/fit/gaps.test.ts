import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cheapestTime, gapsOf, pooled, quantilesOf, roundedUp } from '../../../src/simulate/fit/gaps.ts';
import { traceOf } from '../scenario.ts';

const second = 1_000;
const minute = 60 * second;

describe('the times between requests', () => {
  it('are those in which nothing of the model runs, and come in rising order', () => {
    const trace = traceOf([
      [0, 100, 'a'],
      [10, 1, 'a'], // while another runs
      [50, 5, 'b'],
      [160, 1, 'a'], // 60 s after the end of the first
      [171, 1, 'a'],
      [56, 1, 'b'],
    ]);
    const gaps = gapsOf(trace);
    expect(trace.models).toEqual(['a', 'b']);
    expect(gaps.map((list) => [...list])).toEqual([[10_000, 60_000], [1_000]]);
    expect([...pooled(gaps)]).toEqual([1_000, 10_000, 60_000]);
  });

  it('have quantiles, each once', () => {
    expect(quantilesOf(Float64Array.of(1, 2, 3, 4), 2)).toEqual([2, 4]);
    expect(quantilesOf(Float64Array.of(1, 1, 5), 8)).toEqual([1, 5]);
    expect(quantilesOf(new Float64Array(), 8)).toEqual([]);
  });

  it.each([
    [1, 5 * second],
    [59 * second, 60 * second],
    [61 * second, 90 * second],
    [10 * minute, 10 * minute],
    [10 * minute + 1, 12 * minute],
    [61 * minute, 70 * minute],
    [400 * minute, 420 * minute],
    [25 * 60 * minute, 30 * 60 * minute],
  ])('of %d ms are rounded up to %d ms', (ms, rounded) => {
    expect(roundedUp(ms)).toBe(rounded);
    expect(roundedUp(rounded)).toBe(rounded);
  });
});

describe('the cheapest idle time', () => {
  const cost = (gaps: readonly number[], timeMs: number, priceMs: number) =>
    gaps.reduce((sum, gap) => sum + (gap <= timeMs ? gap : timeMs + priceMs), 0);

  it('has the least of idle time and cold starts together', () => {
    const times = fc
      .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1 })
      .map((list) => list.toSorted((a, b) => a - b));
    const gaps = fc.array(fc.integer({ min: 0, max: 120 }));
    fc.assert(
      fc.property(times, gaps, fc.integer({ min: 0, max: 200 }), (candidates, list, priceMs) => {
        const found = cheapestTime(Float64Array.from(list).sort(), candidates, priceMs);
        const least = Math.min(...candidates.map((timeMs) => cost(list, timeMs, priceMs)));
        expect(cost(list, found, priceMs)).toBe(least);
      }),
    );
  });

  it('is never to zero where that is cheaper than any', () => {
    expect(cheapestTime(Float64Array.of(50, 60), [10, Number.POSITIVE_INFINITY], 1_000)).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect(cheapestTime(Float64Array.of(50, 60), [10, Number.POSITIVE_INFINITY], 1)).toBe(10);
  });
});
