import { describe, expect, it } from 'vitest';
import { isMet, parseAim, parseTarget } from '../../../src/simulate/fit/target.ts';

const figures = {
  requests: 10,
  coldRequests: 1,
  coldShare: 0.1,
  refused: 0,
  starts: 1,
  evictions: 0,
  waitMs: { mean: 1_000, p50: 0, p95: 5_000, p99: 9_000 },
  replicaHours: { busy: 1, idle: 8, loading: 1 },
  cost: null,
};
const hours = parseAim('hours');

describe('a target', () => {
  it.each([
    ['p95<5s', 'p95<5s'],
    ['p95 < 5 s', 'p95<5s'],
    ['p95 wait under 5 s, cheapest', 'p95<5s'],
    ['mean<1500ms,cold<2.5%', 'mean<1s500ms,cold<2.5%'],
    ['hours<24, p50 below 1s', 'hours<24,p50<1s'],
    ['hours<24h', 'hours<24'],
  ])('%s is read as %s, which is read as itself', (text, read) => {
    expect(parseTarget(text, hours).text).toBe(read);
    expect(parseTarget(read, hours)).toEqual(parseTarget(text, hours));
  });

  it.each([
    ['', '"" is not written as p95<5s'],
    ['cheapest', '"cheapest" sets no limit'],
    ['p95>5s', '"p95>5s" is not written as'],
    ['p90<5s', '"p90<5s" is not written as'],
    ['toString<5s', '"toString<5s" is not written as'],
    ['p95<5', '"p95<5": "5" is no limit for p95'],
    ['p95<0', '"0" is no limit for p95'],
    ['cold<5', '"5" is no limit for cold'],
    ['cold<0%', '"0%" is no limit for cold'],
    ['hours<5%', '"5%" is no limit for hours'],
    ['p95<5s,', '"" is not written as'],
  ])('%j is refused in one line', (text, message) => {
    expect(() => parseTarget(text, hours)).toThrow(message);
  });

  it('is kept where each figure is below its limit, and not where one is at it', () => {
    const met = (text: string, days = 1) => isMet(parseTarget(text, hours), figures, days);
    expect(met('p95<5001ms,p99<10s,mean<2s,p50<1ms,cold<10.1%')).toBe(true);
    expect([met('p95<5s'), met('cold<10%'), met('hours<10'), met('mean<2s,p99<9s')]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    // Ten replica-hours in two days are five a day.
    expect([met('hours<10.1'), met('hours<5.1', 2), met('hours<5', 2)]).toEqual([true, true, false]);
    expect(isMet(parseTarget('p95<1ms', hours), { ...figures, waitMs: null }, 1)).toBe(true);
  });

  it('is for the least of a figure that there is', () => {
    expect(parseAim('cold').valueOf(figures, 1)).toBe(10);
    expect(() => parseAim('cost')).toThrow('"cost" is no figure; there are mean, p50, p95, p99, cold, hours');
  });
});
