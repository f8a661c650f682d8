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

describe('what is left of a start', () => {
  const steps = (...offsets: [string, number][]) => offsets.map(([name, offsetMs]) => ({ name, offsetMs }));
  const history = new StartHistory();
  // The pulling of an image happened in some of them, and took most of their time.
  for (const pullMs of [0, 60_000, 0, 0, 60_000, 0]) {
    const pulled = pullMs === 0 ? steps() : steps(['image pulled', pullMs]);
    history.add({
      totalMs: pullMs + 10_000,
      steps: [...pulled, ...steps(['container started', pullMs + 1_000], ['ready', pullMs + 10_000])],
    });
  }

  it('is counted from the last step that past ones passed as well', () => {
    expect(history.rest([], 0)?.medianMs).toBe(10_000);
    const started = steps(['image pulled', 90_000], ['container started', 91_000]);
    expect(history.rest(started, 93_000)).toEqual({ medianMs: 7_000, earlyMs: 7_000 });
  });

  it('skips a step that is new', () => {
    const strange = steps(['container started', 1_000], ['never seen', 2_000]);
    expect(history.rest(strange, 4_000)?.medianMs).toBe(6_000);
    expect(history.rest(steps(['never seen', 2_000]), 4_000)?.medianMs).toBe(6_000);
  });

  it('is never less than nothing, and unknown before the first', () => {
    expect(history.rest(steps(['container started', 0]), 999_000)).toEqual({ medianMs: 0, earlyMs: 0 });
    expect(new StartHistory().rest([], 0)).toBeNull();
  });

  it('has no earliest moment before five starts', () => {
    const young = new StartHistory();
    young.seed(history.samples.slice(0, 4));
    expect(young.rest([], 0)?.earlyMs).toBeNull();
  });

  it('is what an earlier gateway learned, told as JSON', () => {
    const later = new StartHistory();
    later.seed(JSON.parse(JSON.stringify(history.samples)));
    expect(later.samples).toEqual(history.samples);
    expect(later.learned()).toEqual(history.learned());
  });

  it('takes no harm from what is kept wrong', () => {
    const later = new StartHistory();
    for (const wrong of [
      null,
      'x',
      {},
      [null, 3, {}, { totalMs: -1, steps: [] }, { totalMs: 1 / 0, steps: [] }],
    ])
      later.seed(wrong);
    expect(later.samples).toEqual([]);
    const step = { name: 'x', offsetMs: 1 };
    later.seed([{ totalMs: 5, steps: [null, { name: 3 }, step, { name: 'y', offsetMs: Number.NaN }] }]);
    expect(later.samples).toEqual([{ totalMs: 5, steps: [step] }]);
    later.seed(Array(500).fill({ totalMs: 5, steps: Array(500).fill(step) }));
    expect([later.samples.length, later.samples[1]?.steps.length]).toEqual([32, 32]);
  });
});
