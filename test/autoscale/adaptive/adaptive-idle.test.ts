import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdaptiveIdle } from '../../../src/autoscale/adaptive/adaptive-idle.ts';
import { ageBins } from '../../../src/autoscale/adaptive/age-bins.ts';
import { planKeep } from '../../../src/autoscale/adaptive/keep-plan.ts';
import { RecentDemand } from '../../../src/autoscale/adaptive/recent-demand.ts';
import { ReturnHabit } from '../../../src/autoscale/adaptive/return-habit.ts';
import { type IdleStart, ReturnPool } from '../../../src/autoscale/adaptive/return-pool.ts';
import { seededRandom as seeded } from '../../../src/simulate/seeded-random.ts';

const minuteMs = 60_000;
const seededRandom = (seed: number) => seeded(seed, 'gaps');
const still: IdleStart = { wallS: 0, features: [0, 0, 0, 0] };
const binAt = (ageS: number) => ageBins.find(({ fromS, toS }) => fromS <= ageS && ageS < toS)!;

describe('recent demand', () => {
  it('forgets a request of ten minutes ago to e^-1 in the shortest count, and hardly in the longest', () => {
    const recent = new RecentDemand();
    recent.add(100, 0);
    const [short, , , long] = recent.features();
    recent.add(0, 600);
    const [shortLater, , , longLater] = recent.features();
    expect(Math.expm1(shortLater! + 1) / Math.expm1(short! + 1)).toBeCloseTo(Math.exp(-1), 6);
    expect(Math.expm1(longLater! + 3) / Math.expm1(long! + 3)).toBeCloseTo(Math.exp(-600 / 86_400), 6);
  });
});

describe('the habit of a model', () => {
  it('is that of the pool until it is known', () => {
    expect(new ReturnHabit().factor(2)).toBe(1);
  });

  it('comes near to how much more often it returns than expected, and stays within six times', () => {
    const habit = new ReturnHabit();
    for (let index = 0; index < 500; index++) {
      habit.decay();
      habit.learn(1, true, 1 / 3);
      habit.learn(2, false, 10);
    }
    expect(habit.factor(1)).toBeGreaterThan(2);
    expect(habit.factor(1)).toBeLessThan(3);
    expect(habit.factor(2)).toBe(1 / 6);
    expect(habit.factor(0)).toBe(1);
  });
});

describe('the pool', () => {
  it('expects at first that the rate of returns falls with the age', () => {
    const pool = new ReturnPool();
    expect(pool.rate(binAt(0), still)).toBeCloseTo(0.5 / 30, 9);
    expect(pool.rate(binAt(3_600), still)).toBeCloseTo(0.5 / 3_630, 9);
  });

  it('learns a constant rate', () => {
    const pool = new ReturnPool();
    const habit = new ReturnHabit();
    const random = seededRandom(7);
    for (let index = 0; index < 4_000; index++) {
      const wallS = random() * 86_400;
      pool.learn({ ...still, wallS }, -Math.log(1 - random()) * 200, habit);
    }
    const rate = (ageS: number) => pool.rate(binAt(ageS), { ...still, wallS: 43_200 }) * 200;
    for (const ageS of [10, 60, 200, 400]) expect(rate(ageS)).toBeGreaterThan(0.7);
    for (const ageS of [10, 60, 200, 400]) expect(rate(ageS)).toBeLessThan(1.4);
  });

  it('learns the hour at which models return, and what recent demand says', () => {
    const pool = new ReturnPool();
    const habit = new ReturnHabit();
    const random = seededRandom(3);
    for (let index = 0; index < 6_000; index++) {
      const isDay = index % 2 === 0;
      const isBusy = index % 4 < 2;
      const wallS = (isDay ? 12 : 2) * 3_600 + random() * 600;
      const meanS = (isDay ? 100 : 1_000) * (isBusy ? 0.5 : 2);
      const features = isBusy ? [1, 1, 1, 1] : [-1, -1, -1, -1];
      pool.learn({ wallS, features }, -Math.log(1 - random()) * meanS, habit);
    }
    const rate = (hour: number, feature: number) =>
      pool.rate(binAt(120), { wallS: hour * 3_600, features: Array(4).fill(feature) });
    expect(rate(12, 0) / rate(2, 0)).toBeGreaterThan(3);
    expect(rate(12, 1) / rate(12, -1)).toBeGreaterThan(2);
  });

  it('stays finite whatever the gaps are', () => {
    const gap = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 200 }), (gaps) => {
        const pool = new ReturnPool();
        const idle = new AdaptiveIdle(pool);
        for (const [arrived, gapS] of gaps.entries()) {
          const begin = { arrived, wallMs: 0 };
          const { keepMs, returnShare } = idle.plan(begin, { coldStartMs: 25 * minuteMs, startMs: null });
          expect(keepMs).toBeGreaterThanOrEqual(0);
          expect(keepMs).toBeLessThanOrEqual(172_800_000);
          expect(returnShare).toBeGreaterThanOrEqual(0);
          expect(returnShare).toBeLessThanOrEqual(1);
          idle.returned(gapS * 1_000, begin);
        }
      }),
    );
  });
});

describe('the time that a model is kept', () => {
  /** What keeping it for `keepS` is worth, by steps of a second: the rate is read each second. */
  function worthOf(keepS: number, coldStartS: number, start: IdleStart): number {
    const pool = new ReturnPool();
    let away = 1;
    let idleS = 0;
    for (let ageS = 0; ageS < keepS; ageS++) {
      const stays = Math.exp(-pool.rate(binAt(ageS), start));
      idleS += (away + away * stays) / 2;
      away *= stays;
    }
    return coldStartS * (1 - away) - idleS;
  }

  it('is the one that is worth most', () => {
    const seconds = fc.integer({ min: 30, max: 7_200 });
    fc.assert(
      fc.property(seconds, seconds, (coldStartS, otherS) => {
        const pool = new ReturnPool();
        const input = { pool, habit: new ReturnHabit(), start: still, coldStartMs: coldStartS * 1_000 };
        const keepS = planKeep(input).keepMs / 1_000;
        const slack = 0.02 * coldStartS;
        expect(worthOf(otherS, coldStartS, still)).toBeLessThanOrEqual(
          worthOf(keepS, coldStartS, still) + slack,
        );
      }),
      { numRuns: 30 },
    );
  });

  it('is none where a cold start costs less than waiting for the likeliest return, and longer the dearer it is', () => {
    const pool = new ReturnPool();
    const keepMs = (coldStartMs: number) =>
      planKeep({ pool, habit: new ReturnHabit(), start: still, coldStartMs }).keepMs;
    expect(keepMs(1_000)).toBe(0);
    const kept = [1, 5, 25, 100, 1_000].map((minutes) => keepMs(minutes * minuteMs));
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
    expect(new Set(kept).size).toBe(kept.length);
  });
});

it('a plan is made once for an idle time, and one that nobody asked for is learned from all the same', () => {
  const pool = new ReturnPool();
  const asked = new AdaptiveIdle(pool);
  const begin = { arrived: 5, wallMs: 0 };
  const costs = { coldStartMs: 25 * minuteMs, startMs: null };
  expect(asked.plan(begin, costs)).toEqual(asked.plan(begin, costs));
  const rate = pool.rate(binAt(0), still);
  new AdaptiveIdle(pool).returned(1_000, begin);
  expect(pool.rate(binAt(0), still)).toBeGreaterThan(rate);
});

/** Gaps of twenty models, each of which returns at its own pace, with bursts: seconds. */
function gapsOfMany(seed: number): { readonly model: number; readonly gapS: number }[] {
  const random = seededRandom(seed);
  const means = Array.from({ length: 20 }, () => 30 * 10 ** (random() * 2.5));
  return Array.from({ length: 20_000 }, () => {
    const model = Math.floor(random() * means.length);
    return { model, gapS: -Math.log(1 - random()) * means[model]! };
  });
}

it('models with paces of their own are kept for the same idle time with fewer cold starts than by one fixed time', () => {
  const gaps = gapsOfMany(11);
  const pool = new ReturnPool();
  const idles = Array.from({ length: 20 }, () => new AdaptiveIdle(pool));
  const clocks = new Float64Array(20);
  const arrived = new Uint32Array(20);
  const judged = { cold: 0, idleS: 0 };
  const judgedGaps: number[] = [];
  for (const [index, { model, gapS }] of gaps.entries()) {
    const idle = idles[model]!;
    const begin = { arrived: ++arrived[model]!, wallMs: clocks[model]! * 1_000 };
    const { keepMs } = idle.plan(begin, { coldStartMs: 10 * minuteMs, startMs: null });
    clocks[model]! += gapS;
    idle.returned(gapS * 1_000, begin);
    if (index < gaps.length / 2) continue;
    judgedGaps.push(gapS);
    judged.cold += gapS > keepMs / 1_000 ? 1 : 0;
    judged.idleS += Math.min(gapS, keepMs / 1_000);
  }
  const idleOf = (keepS: number) => judgedGaps.reduce((sum, gapS) => sum + Math.min(gapS, keepS), 0);
  let keepS = 1;
  while (idleOf(keepS) < judged.idleS) keepS *= 1.01;
  const coldOfFixed = judgedGaps.filter((gapS) => gapS > keepS).length;
  expect(judged.cold).toBeLessThan(0.9 * coldOfFixed);
});
