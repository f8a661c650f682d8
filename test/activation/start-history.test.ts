import { describe, expect, it } from 'vitest';
import { StartHistory } from '../../src/activation/start-history.ts';

function learnedFrom(...totalsMs: number[]) {
  const history = new StartHistory();
  for (const totalMs of totalsMs) history.add({ totalMs, steps: [] });
  return history.learned();
}

describe('learned start times', () => {
  it('are unknown before the first start', () => {
    expect(learnedFrom()).toBeNull();
  });

  it('are that of the only start at first', () => {
    expect(learnedFrom(4_000)).toEqual({ earlyMs: 4_000, medianMs: 4_000, lateMs: 4_000, count: 1 });
  });

  it('lie in order between the fastest and the slowest', () => {
    const learned = learnedFrom(900, 100, 500, 700, 300, 200, 800, 400, 600)!;
    expect(learned.earlyMs).toBeLessThan(learned.medianMs);
    expect(learned.medianMs).toBeLessThan(learned.lateMs);
    expect(learned.earlyMs).toBeGreaterThanOrEqual(100);
    expect(learned.lateMs).toBeLessThanOrEqual(900);
  });

  it('follow a model that became slower within a few starts', () => {
    const learned = learnedFrom(...Array(20).fill(1_000), ...Array(6).fill(9_000))!;
    expect(learned.medianMs).toBe(9_000);
  });

  it('keep a bounded number of starts', () => {
    expect(learnedFrom(...Array(500).fill(1))?.count).toBe(32);
  });
});
