import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextProbeDelayMs } from '../../src/activation/probe-pace.ts';

const fourSeconds = { earlyMs: 4_000, medianMs: 4_000, lateMs: 4_000, count: 3 };

/** The instants at which probes are made until `endMs`. */
function instants(endMs: number, learned: typeof fourSeconds | null): number[] {
  const all: number[] = [];
  for (let atMs = 0; atMs <= endMs; atMs += nextProbeDelayMs({ elapsedMs: atMs, learned, isUrgent: true }))
    all.push(atMs);
  return all;
}

const gapAt = (all: readonly number[], atMs: number) => {
  const index = all.findIndex((instant) => instant > atMs);
  return all[index]! - all[index - 1]!;
};

describe('the pace of probes', () => {
  it('is close at first and sparse later when nothing is known', () => {
    const all = instants(60_000, null);
    expect(gapAt(all, 100)).toBe(25);
    expect(gapAt(all, 50_000)).toBe(1_000);
  });

  it('is close at first, sparse in the middle and closest around the learned time', () => {
    const all = instants(8_000, fourSeconds);
    expect(gapAt(all, 100)).toBeLessThanOrEqual(25);
    expect(gapAt(all, 3_000)).toBeGreaterThan(100);
    expect(gapAt(all, 4_000)).toBe(5);
    expect(gapAt(all, 7_500)).toBeGreaterThan(100);
  });

  it('never jumps over the window in which the replica is expected', () => {
    expect(gapAt(instants(8_000, fourSeconds), 3_900)).toBe(5);
  });

  it('spends a bounded number of probes on a start of ten minutes that varies', () => {
    const learned = { earlyMs: 550_000, medianMs: 600_000, lateMs: 650_000, count: 9 };
    expect(instants(700_000, learned).length).toBeLessThan(1_500);
  });

  it('is lazy while nobody asks', () => {
    expect(nextProbeDelayMs({ elapsedMs: 0, learned: null, isUrgent: false })).toBe(5_000);
  });

  it('is always between 5 ms and 1 s while somebody waits', () => {
    const ms = fc.double({ min: 0, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(ms, fc.option(fc.tuple(ms, ms, ms)), (elapsedMs, times) => {
        const [earlyMs, medianMs, lateMs] = (times ?? []).toSorted((a, b) => a - b);
        const learned = times && { earlyMs: earlyMs!, medianMs: medianMs!, lateMs: lateMs!, count: 3 };
        const delayMs = nextProbeDelayMs({ elapsedMs, learned, isUrgent: true });
        expect(delayMs).toBeGreaterThanOrEqual(5);
        expect(delayMs).toBeLessThanOrEqual(1_000);
      }),
    );
  });
});
