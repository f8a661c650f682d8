import { describe, expect, it } from 'vitest';
import { busiestDay, DayRecorder } from '../../src/simulate/day.ts';
import { TraceBuilder } from '../../src/simulate/trace.ts';
import { play, type Request, traceOf } from './scenario.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe('the busiest day', () => {
  const trace = traceOf([
    [10, 1, 'a'],
    [20, 1, 'b'],
    [86_400 + 5, 1, 'b'],
    [86_400 + 6, 1, 'b'],
    [2 * 86_400, 1, 'a'],
  ]);

  it('is that with the most requests of any model, or of one', () => {
    expect(busiestDay(trace, null, 0)).toEqual({ model: 'b', fromMs: dayMs, toMs: 2 * dayMs });
    expect(busiestDay(trace, 'a', 0)).toEqual({ model: 'a', fromMs: 0, toMs: dayMs });
  });

  it('is one of those that are judged', () => {
    expect(busiestDay(trace, null, 2 * dayMs)).toMatchObject({ model: 'a', fromMs: 2 * dayMs });
    expect(() => busiestDay(trace, 'b', 2 * dayMs)).toThrow('"b" has no request in the part that is judged');
    expect(() => busiestDay(trace, 'c', 0)).toThrow('no model of the trace is named "c"');
  });

  it('begins at midnight where the date is known', () => {
    const builder = new TraceBuilder();
    const at = (text: string) => builder.add({ model: 'm', arrivalMs: Date.parse(text), execMs: 1 }, 'epoch');
    at('2026-11-24T18:00:00Z');
    at('2026-11-24T23:59:59Z');
    at('2026-11-25T00:00:00Z');
    expect(busiestDay(builder.build(), null, 0)).toEqual({
      model: 'm',
      fromMs: -18 * hourMs,
      toMs: 6 * hourMs,
    });
  });
});

describe('a recorded day', () => {
  it('has what the replicas of its model did, and its requests with those that were cold', async () => {
    const requests: Request[] = [
      [0, 5], // loads 0-10, runs 10-15, idle until 75
      [20, 1, 'other'],
      [3_600, 30], // loads 3600-3610, runs until 3640
      [3_605, 1],
    ];
    const day = new DayRecorder({ model: 'm', fromMs: 0, toMs: dayMs });
    await play(requests, { day });
    const { replicas, requests: asked, policy, model } = day.day('fixed:60s');
    expect([policy, model]).toEqual(['fixed:60s', 'm']);
    // Slots of 120 s, bins of 900 s.
    expect([replicas.loading[0], replicas.busy[0], replicas.idle[0]]).toEqual([0.083, 0.042, 0.5]);
    expect([replicas.loading[30], replicas.busy[30], replicas.idle[30]]).toEqual([0.083, 0.25, 0]);
    expect(replicas.busy.filter((mean) => mean > 0)).toHaveLength(2);
    expect([asked.all[0], asked.cold[0], asked.all[4], asked.cold[4]]).toEqual([1, 1, 2, 2]);
    expect(asked.all.reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  it('cuts what began before it or ends after it, and sums several replicas', () => {
    const day = new DayRecorder({ model: 'm', fromMs: dayMs, toMs: 2 * dayMs });
    day.spent('idle', 0, dayMs + 120_000);
    day.spent('idle', dayMs, 3 * dayMs);
    day.spent('busy', 0, dayMs);
    day.asked(dayMs - 1, true);
    day.asked(2 * dayMs, true);
    const { replicas, requests } = day.day('p');
    expect(replicas.idle.slice(0, 3)).toEqual([2, 1, 1]);
    expect(replicas.idle.at(-1)).toBe(1);
    expect(Math.max(...replicas.busy, ...requests.all, ...requests.cold)).toBe(0);
  });
});
