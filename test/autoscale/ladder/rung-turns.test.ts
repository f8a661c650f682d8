import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rungTurns } from '../../../src/autoscale/ladder/rung-turns.ts';
import type { MeasuredRung } from '../../../src/core/ladder.ts';

const rung = (cost: number, wakeMs: number | null, afterMs: number | null = null): MeasuredRung => ({
  name: `at ${cost}`,
  cost,
  wakeMs,
  afterMs,
});
const price = { coldStartMs: 600_000, startMs: 60_000 };

describe('when a rung is taken', () => {
  it('is the idle time that costs as much as waking from it', () => {
    // 0.5 x t + 600 s x 1 s / 60 s = t
    expect(rungTurns([rung(0.5, 1_000)], price)).toEqual([{ rung: 0, atMs: 20_000, why: 'pays' }]);
  });

  it('is later for a deeper one: when what it saves over the one before makes up for the longer wake', () => {
    // 0.5 x t + 10 s = 0.1 x t + 60 s
    const turns = rungTurns([rung(0.5, 1_000), rung(0.1, 6_000)], price);
    expect(turns.map(({ rung: index, atMs }) => [index, Math.round(atMs)])).toEqual([
      [0, 20_000],
      [1, 125_000],
    ]);
  });

  it('never comes for one that another makes useless', () => {
    expect(rungTurns([rung(0.5, 6_000), rung(0.1, 6_000)], price).map((turn) => turn.rung)).toEqual([1]);
    expect(rungTurns([rung(0.5, 1_000), rung(0.5, 900)], price).map((turn) => turn.rung)).toEqual([1]);
    expect(rungTurns([rung(1, 0)], price)).toEqual([]);
  });

  it('is what is written, and a deeper one that comes by then is taken in its place', () => {
    const turns = rungTurns([rung(0.5, 1_000, 90_000), rung(0.1, 2_000, 90_000)], price);
    expect(turns).toEqual([{ rung: 1, atMs: 90_000, why: 'written' }]);
    expect(rungTurns([rung(1, null, 5_000)], { coldStartMs: null, startMs: null })).toHaveLength(1);
  });

  it('is an even share of the price for one that was never woken from, or while no start is known', () => {
    const turns = rungTurns([rung(0.5, 1_000), rung(0.1, null)], price);
    expect(turns).toEqual([
      { rung: 0, atMs: 20_000, why: 'pays' },
      { rung: 1, atMs: 400_000, why: 'trial' },
    ]);
    const unknown = rungTurns([rung(0.5, 1_000), rung(0.1, null)], { ...price, startMs: null });
    expect(unknown.map(({ atMs, why }) => [atMs, why])).toEqual([
      [200_000, 'trial'],
      [400_000, 'trial'],
    ]);
  });

  it('never comes for a model that is never stopped, unless it is written', () => {
    const rungs = [rung(0.5, 1_000), rung(0.1, 2_000, 7_000)];
    const turns = rungTurns(rungs, { coldStartMs: null, startMs: 60_000 });
    expect(turns).toEqual([{ rung: 1, atMs: 7_000, why: 'written' }]);
  });
});

const anyRung = fc.record({
  name: fc.constant('rung'),
  cost: fc.double({ min: 0, max: 1, noNaN: true }),
  wakeMs: fc.option(fc.double({ min: 0, max: 120_000, noNaN: true })),
  afterMs: fc.option(fc.double({ min: 0, max: 900_000, noNaN: true })),
});

it('goes only deeper as time passes', () => {
  const prices = fc.record({
    coldStartMs: fc.option(fc.double({ min: 1, max: 3_600_000, noNaN: true })),
    startMs: fc.option(fc.double({ min: 0, max: 600_000, noNaN: true })),
  });
  const goesDeeper = fc.property(fc.array(anyRung, { maxLength: 5 }), prices, (rungs, any) => {
    const turns = rungTurns(rungs, any);
    for (const [index, turn] of turns.entries()) {
      expect(turn.atMs).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(turn.atMs)).toBe(true);
      const before = turns[index - 1];
      if (before === undefined) continue;
      expect(turn.rung).toBeGreaterThan(before.rung);
      expect(turn.atMs).toBeGreaterThan(before.atMs);
    }
  });
  fc.assert(goesDeeper, { numRuns: 2_000 });
});

it('costs at most twice as much as the best choice by who knows when the next request comes', () => {
  const rungs = fc
    .array(anyRung, { minLength: 1, maxLength: 5 })
    .map((all) => all.map((one) => ({ ...one, afterMs: null, wakeMs: one.wakeMs ?? 0 })))
    .map((all) => all.toSorted((a, b) => b.cost - a.cost));
  const returnsMs = fc.double({ min: 0, max: 7_200_000, noNaN: true });
  const isTwiceAtMost = fc.property(rungs, returnsMs, (ladder, returnMs) => {
    const wakeCost = (index: number) => (price.coldStartMs * (ladder[index]?.wakeMs ?? 0)) / price.startMs;
    const costOf = (index: number) => ladder[index]?.cost ?? 1;
    let paid = 0;
    let [at, fromMs] = [-1, 0];
    for (const turn of rungTurns(ladder, price).filter(({ atMs }) => atMs <= returnMs)) {
      paid += costOf(at) * (turn.atMs - fromMs);
      [at, fromMs] = [turn.rung, turn.atMs];
    }
    paid += costOf(at) * (returnMs - fromMs) + wakeCost(at);
    const best = Math.min(
      ...[-1, ...ladder.keys()].map((index) => costOf(index) * returnMs + wakeCost(index)),
    );
    expect(paid).toBeLessThanOrEqual(2 * best * (1 + 1e-9) + 1e-6);
  });
  fc.assert(isTwiceAtMost, { numRuns: 2_000 });
});
