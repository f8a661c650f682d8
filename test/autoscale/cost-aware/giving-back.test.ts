import { describe, expect, it } from 'vitest';
import { givenBack, surplusKeepMs } from '../../../src/autoscale/cost-aware/giving-back.ts';
import { type NeedSince, needsBelow, withNeed } from '../../../src/autoscale/cost-aware/need-history.ts';
import { decide, initialScaleState } from '../../../src/autoscale/decide.ts';
import type { Observed, ScaleSpec, ScaleState } from '../../../src/core/scaling.ts';
import { untouched as idle, scaleSettings } from '../../support/scale-settings.ts';

const rung = { name: 'level 1', afterMs: null, cost: 0.1, wakeMs: null };
const base = { idleMs: 300_000, minUpMs: 0 };
const spec: ScaleSpec = { ...scaleSettings({ max: 20 }), concurrency: 1, startupMs: 600_000 };
const up = (desired: number): ScaleState => ({ ...initialScaleState, desired });
const busy = (inFlight: number, ready: number): Observed => ({
  ...idle,
  inFlight,
  idleSinceMs: null,
  ready,
  startMs: 20_000,
});

describe('the time for which a surplus replica is kept', () => {
  it.each([
    ['as long as its start takes', 20_000, {}, 20_000],
    ['ten seconds where it starts faster', 800, {}, 10_000],
    ['never longer than idle', 400_000, {}, 300_000],
    ['idle, where that is less than ten seconds', 800, { idleMs: 2_000 }, 2_000],
    ['idle, where no start is known', null, {}, 300_000],
    ['idle, where it can sleep', 20_000, { ladder: [rung] }, 300_000],
    ['twice as long after starts soon after stops', 20_000, { patience: 2 }, 40_000],
  ])('is %s', (_, startMs, changed, keptMs) => {
    expect(surplusKeepMs({ ...base, ...changed }, startMs)).toBe(keptMs);
  });
});

describe('what was needed', () => {
  const needsOf = (...readings: readonly [number, number][]) =>
    readings.reduce<readonly NeedSince[]>(
      (needs, [count, sinceMs]) => withNeed(needs, { count, sinceMs }),
      [],
    );

  it('is kept by the time since when no more was', () => {
    expect(needsOf([9, 0], [4, 10], [2, 20])).toEqual([
      { count: 9, sinceMs: 0 },
      { count: 4, sinceMs: 10 },
      { count: 2, sinceMs: 20 },
    ]);
  });

  it('forgets a lower need when more was needed after it, whose time begins there', () => {
    expect(needsOf([9, 0], [2, 10], [4, 20])).toEqual([
      { count: 9, sinceMs: 0 },
      { count: 4, sinceMs: 10 },
    ]);
    expect(needsOf([9, 0], [4, 10], [2, 20], [4, 30])).toEqual([
      { count: 9, sinceMs: 0 },
      { count: 4, sinceMs: 10 },
    ]);
  });

  it('is the same object while nothing changes, and rises in time', () => {
    const needs = needsOf([9, 0], [4, 10]);
    expect(withNeed(needs, { count: 4, sinceMs: 50 })).toBe(needs);
    expect(withNeed(needs, { count: 1, sinceMs: 5 }).at(-1)).toEqual({ count: 1, sinceMs: 10 });
  });

  it('gives nothing back by needs that are not below the count', () => {
    const needs = needsOf([9, 0], [4, 10], [2, 20]);
    expect(needsBelow(needs, 10)).toBe(needs);
    expect(needsBelow(needs, 4)).toEqual([{ count: 2, sinceMs: 20 }]);
    expect(needsBelow(needs, 2)).toEqual([]);
  });
});

describe('giving back', () => {
  const needs = [
    { count: 3, sinceMs: 0 },
    { count: 1, sinceMs: 15_000 },
    { count: 0, sinceMs: 18_000 },
  ];
  const input = { current: 5, needs, idleSinceMs: 18_000, raisedAtMs: null, startMs: 20_000 };

  it.each([
    ['none before the first was surplus for long enough', 19_999, 5, 20_000],
    ['those that were', 20_000, 3, 35_000],
    ['all but one at last', 40_000, 1, 318_000],
    ['the last one after idle', 318_000, 0, Number.POSITIVE_INFINITY],
  ])('takes %s', (_, nowMs, count, nextAtMs) => {
    expect(givenBack(input, base, nowMs)).toMatchObject({ count, nextAtMs });
  });

  it('takes all at once where the last one is kept for a shorter time', () => {
    expect(givenBack(input, { ...base, toZeroMs: 5_000 }, 23_000)).toMatchObject({ count: 0, keptMs: 5_000 });
  });

  it('begins when the last start has ended, and waits for the minimum up time', () => {
    expect(givenBack({ ...input, raisedAtMs: 30_000 }, base, 49_999).count).toBe(5);
    expect(givenBack({ ...input, raisedAtMs: 30_000 }, base, 50_000).count).toBe(1);
    const patient = { ...base, minUpMs: 60_000 };
    expect(givenBack({ ...input, raisedAtMs: 30_000 }, patient, 89_999)).toMatchObject({
      count: 5,
      nextAtMs: 90_000,
    });
  });
});

describe('a surplus under load', () => {
  it('goes down to the most that was needed within the time of a start, not to what happens to be now', () => {
    let state = up(10);
    const at = (nowMs: number, load: number) => {
      const decision = decide(busy(load, 10), spec, state, nowMs);
      state = decision.state;
      return decision.desired;
    };
    expect(at(0, 4)).toBe(10);
    expect(at(10_000, 7)).toBe(10);
    expect(at(19_999, 1)).toBe(10);
    expect(at(20_000, 1)).toBe(7);
    expect(at(39_998, 2)).toBe(7);
    expect(at(39_999, 2)).toBe(2);
  });

  it('is told in the decision', () => {
    const first = decide(busy(2, 3), spec, up(3), 0);
    expect(first).toMatchObject({ reason: '2 would do', nextAtMs: 2_000 });
    expect(decide(busy(2, 3), spec, first.state, 20_000).reason).toBe('2 would do for 20s');
    const alone = decide({ ...idle, ready: 3, startMs: 20_000 }, spec, up(3), 20_000);
    expect(alone).toMatchObject({ desired: 1, reason: '1 would do for 20s', nextAtMs: 300_000 });
  });
});

describe('a queue that no further replica is worth its start for', () => {
  const scarce = { ...spec, max: 5, buffer: 1 };
  /** Ten requests have held their slots for 100 ms each, and one more waits behind one that runs. */
  const demand = { arrived: 12, ended: 10, waitingMs: 0, inFlightMs: 1_000 };
  const queued = { ...busy(1, 1), waiting: 1, starting: 1, demand, startMs: 2_000 };

  it('is looked at again at once, also where a spare replica is kept', () => {
    const before = decide({ ...idle, startMs: 2_000 }, scarce, up(0), 0).state;
    const known = decide(queued, scarce, { ...before, desired: 2 }, 1_000);
    expect(known).toMatchObject({ desired: 2, nextAtMs: 1_250 });
  });

  it('is not where as many as are useful, with the spare one, are asked for', () => {
    const before = decide({ ...idle, startMs: 2_000 }, scarce, up(0), 0).state;
    const all = decide({ ...queued, ready: 2 }, scarce, { ...before, desired: 3 }, 1_000);
    expect(all.desired).toBe(3);
    expect(all.nextAtMs).toBeGreaterThan(1_250);
  });
});
