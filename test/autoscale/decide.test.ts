import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, initialScaleState } from '../../src/autoscale/decide.ts';
import type { Observed, ScaleSpec, ScaleState } from '../../src/core/scaling.ts';
import { untouched as idle, scaleSettings } from '../support/scale-settings.ts';

const spec: ScaleSpec = { ...scaleSettings({ max: 4, idleMs: 60_000 }), concurrency: 2, startupMs: 600_000 };
const up = (desired: number): ScaleState => ({
  desired,
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

  it('keeps spare ones while there are requests, within max', () => {
    const roomy = { ...spec, max: 3, buffer: 1 };
    expect(decide(busy(1, 1), roomy, up(1), 0).desired).toBe(2);
    expect(decide(busy(5, 3), roomy, up(3), 0).desired).toBe(3);
    const gone = decide({ ...idle, ready: 2 }, roomy, up(2), 60_000);
    expect(gone.desired).toBe(0);
  });

  it('starts another one only where the queue takes longer than the start, once both are known', () => {
    const roomy = { ...spec, max: 20, concurrency: 10 };
    const burst = { ...idle, waiting: 200, idleSinceMs: null };
    expect(decide({ ...burst, startMs: 300_000 }, roomy, initialScaleState, 0).desired).toBe(20);
    // Ten requests have held their slots for 5 s each: 200 more take 100 s by one replica.
    const demand = { arrived: 10, ended: 10, waitingMs: 0, inFlightMs: 50_000 };
    const countWith = (startMs: number) => {
      const known = decide({ ...idle, startMs }, roomy, initialScaleState, 0);
      const more = { ...burst, startMs, demand };
      return decide(more, roomy, known.state, 1).desired;
    };
    expect(countWith(300_000)).toBe(1);
    expect(countWith(20_000)).toBe(5);
    expect(countWith(1_000)).toBe(20);
  });

  it('starts another one after all where those that run take longer than those that ended did', () => {
    const one = { ...spec, max: 3, concurrency: 1, idleMs: 300_000 };
    const short = { arrived: 10, ended: 10, waitingMs: 0, inFlightMs: 1_000 };
    const known = decide({ ...idle, startMs: 500 }, one, initialScaleState, 0);
    const before = decide(
      { ...idle, startMs: 500, demand: short },
      one,
      { ...known.state, desired: 1 },
      1_000,
    );
    const busyAt = (forMs: number) => {
      const demand = { arrived: 13, ended: 10, waitingMs: 0, inFlightMs: 1_000 + forMs };
      return { ...idle, waiting: 2, inFlight: 1, ready: 1, idleSinceMs: null, startMs: 500, demand };
    };
    const soon = decide(busyAt(0), one, before.state, 1_000);
    expect(soon).toMatchObject({ desired: 1, nextAtMs: 1_250 });
    expect(decide(busyAt(2_000), one, soon.state, 3_000).desired).toBe(3);
  });

  it('starts no more at a time than may, and those that are asked for stand', () => {
    const slow = { ...spec, max: 8, maxStarting: 2 };
    const first = decide(busy(16, 0), slow, initialScaleState, 0);
    expect(first.desired).toBe(2);
    expect(decide({ ...busy(16, 0), starting: 2 }, slow, first.state, 0).desired).toBe(2);
    expect(decide({ ...busy(16, 1), starting: 1 }, slow, first.state, 0).desired).toBe(3);
    expect(decide(busy(16, 2), slow, up(2), 0).desired).toBe(4);
    expect(decide({ ...busy(16, 0), starting: 6 }, slow, up(6), 0).desired).toBe(6);
    const kept = decide(idle, { ...slow, min: 5 }, initialScaleState, 0);
    expect(kept).toMatchObject({ desired: 2, reason: 'min is 5' });
  });

  it('keeps what was raised for the minimum up time, from when it is ready', () => {
    const kept = { ...spec, idleMs: 1_000, minUpMs: 30_000 };
    const asked = decide({ ...idle, isWanted: true }, kept, initialScaleState, 0);
    const starting = decide({ ...idle, starting: 1 }, kept, asked.state, 20_000);
    const ready = decide({ ...idle, ready: 1 }, kept, starting.state, 25_000);
    expect(ready).toMatchObject({ desired: 1, nextAtMs: 55_000 });
    expect(decide({ ...idle, ready: 1 }, kept, ready.state, 54_999).desired).toBe(1);
    expect(decide({ ...idle, ready: 1 }, kept, ready.state, 55_000).desired).toBe(0);
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
    const surplus = decide(busy(8, 9), spec, others.state, 0);
    const lowered = decide(busy(8, 9), spec, surplus.state, 60_000);
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
      .record({
        min: fc.nat(3),
        more: fc.nat(4),
        idleMs: fc.nat(100_000),
        minUpMs: fc.nat(100_000),
        buffer: fc.nat(2),
        concurrency: fc.nat(4),
      })
      .map(({ min, more, concurrency, ...rest }) => ({
        ...scaleSettings({ min, max: Math.max(1, min + more), ...rest }),
        concurrency,
        startupMs: 600_000,
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
          const decision = decide({ ...idle, ...counts, idleSinceMs }, scale, state, nowMs);
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
