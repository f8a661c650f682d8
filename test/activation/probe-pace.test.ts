import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextProbeDelayMs } from '../../src/activation/probe-pace.ts';
import type { LearnedStart } from '../../src/activation/start-history.ts';

const halfSecond = { earlyMs: 500, medianMs: 500, lateMs: 500, count: 3 };
const fourSeconds = { earlyMs: 4_000, medianMs: 4_000, lateMs: 4_000, count: 3 };

/** The instants at which probes are made until one at or after `readyAtMs`, which sees that it is ready. */
function instants(readyAtMs: number, learned: LearnedStart | null): number[] {
  const all = [0];
  while (all.at(-1)! < readyAtMs) {
    const elapsedMs = all.at(-1)!;
    all.push(elapsedMs + nextProbeDelayMs({ elapsedMs, learned, isUrgent: true }));
  }
  return all;
}

/** How late a start that is ready at `readyAtMs` is seen. */
const lateness = (readyAtMs: number, learned: LearnedStart | null) =>
  instants(readyAtMs, learned).at(-1)! - readyAtMs;

const gapAt = (all: readonly number[], atMs: number) => {
  const index = all.findIndex((instant) => instant > atMs);
  return all[index]! - all[index - 1]!;
};

const startMs = fc.double({ min: 1, max: 1e6, noNaN: true });
const learnedStart = fc.tuple(startMs, startMs, startMs).map((times): LearnedStart => {
  const [earlyMs, medianMs, lateMs] = times.toSorted((a, b) => a - b) as [number, number, number];
  return { earlyMs, medianMs, lateMs, count: 3 };
});

/** Starts of the same length differ by this much from what was learned. */
const marginOf = ({ medianMs }: LearnedStart) => 10 + medianMs / 50;
const denseMsOf = (learned: LearnedStart) =>
  Math.min(250, Math.max(2, (learned.lateMs - learned.earlyMs + 2 * marginOf(learned)) / 200));

describe('the pace of probes', () => {
  it('is close at first and sparse later when nothing is known', () => {
    const all = instants(60_000, null);
    expect(gapAt(all, 100)).toBe(10);
    expect(gapAt(all, 59_000)).toBe(1_000);
  });

  it('is close at first, sparse in the middle and closest around the learned time', () => {
    const all = instants(8_000, fourSeconds);
    expect(gapAt(all, 50)).toBe(10);
    expect(gapAt(all, 2_000)).toBeGreaterThan(100);
    expect(gapAt(all, 4_000)).toBe(2);
    expect(gapAt(all, 7_500)).toBeGreaterThan(100);
  });

  it('spends about thirty probes in all on the surroundings of a learned half second', () => {
    const all = instants(500, halfSecond).filter((atMs) => atMs > 450);
    expect(all.length).toBeLessThan(35);
  });

  it('spends a bounded number of probes on a start of ten minutes that varies', () => {
    const learned = { earlyMs: 550_000, medianMs: 600_000, lateMs: 650_000, count: 9 };
    expect(instants(700_000, learned).length).toBeLessThan(1_200);
  });

  it('is lazy while nobody asks', () => {
    expect(nextProbeDelayMs({ elapsedMs: 0, learned: null, isUrgent: false })).toBe(5_000);
  });

  it('is always between 2 ms and 1 s while somebody waits', () => {
    const elapsed = fc.double({ min: 0, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(elapsed, fc.option(learnedStart), (elapsedMs, learned) => {
        const delayMs = nextProbeDelayMs({ elapsedMs, learned, isUrgent: true });
        expect(delayMs).toBeGreaterThanOrEqual(2);
        expect(delayMs).toBeLessThanOrEqual(1_000);
      }),
    );
  });
});

describe('a start', () => {
  it('of which nothing is known is seen late by 10 ms or a fiftieth of its time at most', () => {
    fc.assert(
      fc.property(startMs, (readyAtMs) => {
        expect(lateness(readyAtMs, null)).toBeLessThanOrEqual(Math.max(10, readyAtMs / 50));
      }),
    );
  });

  it('of the learned length is seen within 2 ms, or a hundredth of the spread of the learned ones', () => {
    fc.assert(
      fc.property(learnedStart, fc.double({ min: 0, max: 1, noNaN: true }), (learned, share) => {
        const fromMs = Math.max(0, learned.earlyMs - marginOf(learned));
        const toMs = learned.lateMs + marginOf(learned);
        const lateMs = lateness(fromMs + share * (toMs - fromMs), learned);
        expect(lateMs).toBeLessThanOrEqual(denseMsOf(learned) + 1e-6);
      }),
    );
  });

  it('earlier or later than was learned is seen late in proportion to the surprise', () => {
    fc.assert(
      fc.property(learnedStart, startMs, (learned, readyAtMs) => {
        const fromMs = learned.earlyMs - marginOf(learned);
        const toMs = learned.lateMs + marginOf(learned);
        const surpriseMs = Math.max(0, fromMs - readyAtMs, readyAtMs - toMs);
        const mostMs = Math.max(denseMsOf(learned), surpriseMs / 7);
        expect(lateness(readyAtMs, learned)).toBeLessThanOrEqual(mostMs + 1e-6);
      }),
    );
  });

  it('that takes half a second as it always did, give or take 20 ms, is seen within 2 ms', () => {
    for (let readyAtMs = 480; readyAtMs <= 520; readyAtMs++)
      expect(lateness(readyAtMs, halfSecond)).toBeLessThanOrEqual(2);
  });
});
