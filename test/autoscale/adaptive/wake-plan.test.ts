import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planWake } from '../../../src/autoscale/adaptive/wake-plan.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const costs = { keptMs: 0, startMs: 20 * second, coldStartMs: 25 * minute };
const times = (count: number, ageMs: number) => Array.from({ length: count }, () => ageMs);

describe('the stretch for which a replica is started ahead', () => {
  it('begins a start and a hundredth of the age before the first of the returns, and ends a hundredth after the last', () => {
    const plan = planWake({ ...costs, agesMs: [...times(9, hour), 61 * minute] });
    expect(plan).toEqual({
      fromMs: hour - 36 * second - 20 * second,
      toMs: 61 * minute + 36_600,
      earliestMs: hour,
      latestMs: 61 * minute,
      share: 10 / 11,
      // 10 x 25 m, less 36 s for nine and 96 s for one, and a whole stretch with its start for who is never seen.
      valueMs: (10 * 25 * minute - 9 * 36_000 - 96_000 - (36_000 + minute + 36_600 + 20_000)) / 11,
    });
  });

  it('leaves out those that come at other times, where waiting for them costs more than they do', () => {
    const plan = planWake({ ...costs, agesMs: [2 * minute, ...times(12, hour), 9 * hour] });
    expect(plan).toMatchObject({ earliestMs: hour, latestMs: hour, share: 12 / 15 });
  });

  it('is none where too little is known, it pays too little, or nobody stays away for as long as a start takes', () => {
    const plan = (agesMs: number[], more = {}) => planWake({ ...costs, ...more, agesMs });
    expect(plan(times(4, hour))).toBeNull();
    expect(plan(times(5, hour))).not.toBeNull();
    expect(plan(times(40, hour), { coldStartMs: 40 * second })).toBeNull();
    expect(plan(times(40, 10 * second))).toBeNull();
    // One return in each quarter of an hour: none can be told from the others.
    expect(plan(Array.from({ length: 40 }, (_, at) => at * 15 * minute))).toBeNull();
    // Kept until then anyway.
    expect(plan(times(40, hour), { keptMs: hour })).toBeNull();
  });

  it('never begins within the time for which the replica of before is kept, and is worth what it says', () => {
    const ages = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 30 });
    const cost = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(ages, cost, cost, cost, (list, kept, start, cold) => {
        const agesMs = list.map((age) => age * second).sort((a, b) => a - b);
        const input = { agesMs, keptMs: kept * second, startMs: start * second, coldStartMs: cold * second };
        const plan = planWake(input);
        if (plan === null) return;
        const { fromMs, toMs, valueMs } = plan;
        expect(fromMs).toBeGreaterThanOrEqual(kept * second);
        expect(toMs).toBeGreaterThan(fromMs + input.startMs);
        const readyMs = fromMs + input.startMs;
        const rest = [
          ...agesMs.filter((ageMs) => ageMs > kept * second + input.startMs),
          Number.POSITIVE_INFINITY,
        ];
        const sum = rest.reduce((total, ageMs) => {
          if (ageMs < plan.earliestMs) return total;
          return ageMs <= plan.latestMs
            ? total + input.coldStartMs - (ageMs - readyMs)
            : total - (toMs - readyMs + input.startMs);
        }, 0);
        expect(valueMs).toBeCloseTo(sum / rest.length, 6);
        expect(valueMs).toBeGreaterThan(0.2 * input.coldStartMs);
      }),
    );
  });
});
