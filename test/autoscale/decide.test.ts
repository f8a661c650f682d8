import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, initialScaleState } from '../../src/autoscale/decide.ts';
import type { Observed, ScaleSpec, ScaleState } from '../../src/core/scaling.ts';

const spec: ScaleSpec = { min: 0, max: 4, idleMs: 60_000, concurrency: 2, owner: 'pilotlight' };
const idle: Observed = { waiting: 0, inFlight: 0, idleSinceMs: 0, ready: 0, starting: 0, isWanted: false };
const up = (desired: number): ScaleState => ({
  desired,
  surplusSinceMs: null,
  raisedAtMs: null,
  byOthers: 0,
});
const busy = (load: number, ready: number): Observed => ({
  ...idle,
  inFlight: load,
  idleSinceMs: null,
  ready,
});

describe('decide', () => {
  it('asks for none while nobody asks, and for one when somebody does', () => {
    expect(decide(idle, spec, initialScaleState, 0)).toMatchObject({ desired: 0, nextAtMs: null });
    expect(decide({ ...idle, isWanted: true }, spec, initialScaleState, 0).desired).toBe(1);
  });

  it('asks at once for as many as the requests fill, up to max', () => {
    const desired = [1, 2, 3, 8, 9, 1_000].map(
      (waiting) => decide({ ...idle, waiting, idleSinceMs: null }, spec, initialScaleState, 0).desired,
    );
    expect(desired).toEqual([1, 1, 2, 4, 4, 4]);
  });

  it('needs no second one for a replica without a limit', () => {
    expect(decide(busy(500, 1), { ...spec, concurrency: 0 }, up(1), 0).desired).toBe(1);
  });

  it('goes to zero when idle for the idle time, and says when to ask again', () => {
    const early = decide({ ...idle, ready: 1 }, spec, up(1), 10_000);
    expect(early).toMatchObject({ desired: 1, nextAtMs: 60_000 });
    expect(decide({ ...idle, ready: 1 }, spec, early.state, 60_000)).toMatchObject({
      desired: 0,
      reason: 'idle for 60s',
    });
  });

  it('lowers a partial surplus only when it lasted, and forgets it when all were needed between', () => {
    const first = decide(busy(1, 2), spec, up(2), 0);
    expect(first.desired).toBe(2);
    expect(decide(busy(1, 2), spec, first.state, 60_000).desired).toBe(1);
    const needed = decide(busy(4, 2), spec, first.state, 30_000);
    expect(decide(busy(1, 2), spec, needed.state, 60_000).desired).toBe(2);
  });

  it('never lowers while one starts; its idle time begins when it is up', () => {
    const asked = decide({ ...idle, isWanted: true }, spec, initialScaleState, 0);
    const starting = decide({ ...idle, starting: 1 }, spec, asked.state, 600_000);
    expect(starting.desired).toBe(1);
    const ready = decide({ ...idle, ready: 1 }, spec, starting.state, 700_000);
    expect(ready).toMatchObject({ desired: 1, nextAtMs: 760_000 });
    expect(decide({ ...idle, ready: 1 }, spec, ready.state, 760_000).desired).toBe(0);
  });

  it('keeps what is up with idle 0, and min always', () => {
    expect(decide({ ...idle, ready: 1 }, { ...spec, idleMs: 0 }, up(1), 1e9).desired).toBe(1);
    expect(decide({ ...idle, ready: 3 }, { ...spec, min: 2 }, up(3), 1e9).desired).toBe(2);
    expect(decide(idle, { ...spec, min: 2 }, initialScaleState, 0).desired).toBe(2);
  });

  it('obeys a lowered max at once', () => {
    expect(decide(busy(8, 4), { ...spec, max: 2 }, up(4), 0).desired).toBe(2);
  });

  it('obeys a count of others, also above max, until it has been surplus for the idle time', () => {
    const others = decide({ ...idle, ready: 1, askedByOthers: 9 }, spec, up(1), 1_000);
    expect(others).toMatchObject({ desired: 9, nextAtMs: 61_000 });
    const kept = decide({ ...busy(8, 9) }, spec, others.state, 30_000);
    expect(kept.desired).toBe(9);
    expect(decide(busy(8, 9), spec, kept.state, 90_000).desired).toBe(4);
    expect(decide({ ...idle, ready: 9 }, spec, others.state, 61_000).desired).toBe(0);
  });

  it('obeys a lower count of others, but not below what is needed or min', () => {
    expect(decide({ ...idle, askedByOthers: 1 }, spec, up(4), 0).desired).toBe(1);
    expect(decide({ ...idle, askedByOthers: 0 }, spec, up(4), 0).desired).toBe(0);
    expect(decide({ ...busy(3, 0), askedByOthers: 0 }, spec, up(4), 0).desired).toBe(2);
    expect(decide({ ...idle, askedByOthers: 0 }, { ...spec, min: 1 }, up(4), 0).desired).toBe(1);
  });

  it('forgets that others were above max once it is not any more', () => {
    const others = decide({ ...idle, askedByOthers: 9 }, spec, up(1), 0);
    const lowered = decide({ ...busy(8, 9) }, spec, { ...others.state, surplusSinceMs: 0 }, 60_000);
    expect(lowered).toMatchObject({ desired: 4, state: { byOthers: 0 } });
  });

  it('only wakes where others own the count', () => {
    const external: ScaleSpec = { ...spec, owner: 'external' };
    expect(decide(idle, external, up(0), 0).desired).toBe(0);
    expect(decide({ ...idle, isWanted: true }, external, up(0), 0).desired).toBe(1);
    expect(decide({ ...idle, waiting: 9, idleSinceMs: null }, external, up(0), 0).desired).toBe(1);
    expect(decide(busy(100, 1), external, up(1), 0).desired).toBe(1);
    expect(decide({ ...idle, ready: 9 }, external, up(9), 1e9)).toMatchObject({ desired: 9, nextAtMs: null });
    expect(decide({ ...idle, askedByOthers: 7 }, external, up(1), 0).desired).toBe(7);
    expect(decide(idle, { ...external, min: 1 }, up(0), 0).desired).toBe(1);
  });

  it('stays within min and max, and never asks for zero while something waits or runs', () => {
    const step = fc.record({
      afterMs: fc.nat(120_000),
      waiting: fc.nat(20),
      inFlight: fc.nat(20),
      ready: fc.nat(5),
      starting: fc.nat(2),
      isWanted: fc.boolean(),
    });
    const specs = fc
      .record({ min: fc.nat(3), more: fc.nat(4), idleMs: fc.nat(100_000), concurrency: fc.nat(4) })
      .map(({ min, more, ...rest }) => ({
        min,
        max: Math.max(1, min + more),
        owner: 'pilotlight' as const,
        ...rest,
      }));
    fc.assert(
      fc.property(specs, fc.array(step, { minLength: 1, maxLength: 40 }), (scale, steps) => {
        let state = initialScaleState;
        let nowMs = 0;
        let idleSinceMs: number | null = 0;
        for (const { afterMs, ...counts } of steps) {
          nowMs += afterMs;
          const load = counts.waiting + counts.inFlight;
          idleSinceMs = load > 0 ? null : (idleSinceMs ?? nowMs);
          const before = state.desired;
          const decision = decide({ ...counts, idleSinceMs }, scale, state, nowMs);
          expect(decision.desired).toBeGreaterThanOrEqual(scale.min);
          expect(decision.desired).toBeLessThanOrEqual(scale.max);
          if (load > 0 || counts.isWanted) expect(decision.desired).toBeGreaterThanOrEqual(1);
          if (counts.starting > 0) expect(decision.desired).toBeGreaterThanOrEqual(before);
          if (before > 0 && decision.desired === 0)
            expect(nowMs - idleSinceMs!).toBeGreaterThanOrEqual(scale.idleMs);
          if (decision.nextAtMs !== null) expect(decision.nextAtMs).toBeGreaterThan(nowMs);
          state = decision.state;
        }
      }),
      { numRuns: 500 },
    );
  });
});
