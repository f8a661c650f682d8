import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, initialScaleState } from '../../../src/autoscale/decide.ts';
import type { Observed, ScaleSpec, ScaleState } from '../../../src/core/scaling.ts';
import { scaleSettings, untouched } from '../../support/scale-settings.ts';

const ladder = [
  { name: 'level 1', afterMs: null, cost: 0.5, wakeMs: 1_000 },
  { name: 'level 2', afterMs: null, cost: 0.1, wakeMs: 6_000 },
];
const spec: ScaleSpec = {
  ...scaleSettings({ max: 4, idleMs: 600_000 }),
  concurrency: 2,
  startupMs: 600_000,
  ladder,
};
const up = (desired: number): ScaleState => ({ ...initialScaleState, desired });
const idle: Observed = { ...untouched, ready: 1, startMs: 60_000 };

describe('a model that nothing waits for or runs on', () => {
  it('goes down rung by rung, says why, and when to ask again', () => {
    const before = decide(idle, spec, up(1), 19_999);
    expect(before).toMatchObject({ desired: 1, sleep: { awake: 0, rung: null }, nextAtMs: 20_000 });
    const first = decide(idle, spec, before.state, 20_000);
    expect(first.sleep).toEqual({ awake: 0, rung: 0 });
    expect(first.reason).toBe('asleep (level 1): idle for 20s, waking takes 1s and a start 1m');
    expect(Math.round(first.nextAtMs ?? 0)).toBe(125_000);
    expect(decide(idle, spec, first.state, 125_001).sleep).toEqual({ awake: 0, rung: 1 });
    expect(decide(idle, spec, first.state, 600_000)).toMatchObject({ desired: 0, reason: 'idle for 600s' });
  });

  it('keeps min awake', () => {
    const two = { ...idle, ready: 3 };
    expect(decide(two, { ...spec, min: 2 }, up(3), 400_000).sleep).toEqual({ awake: 2, rung: 1 });
    expect(decide({ ...idle, ready: 2 }, { ...spec, min: 2 }, up(2), 400_000).sleep).toEqual({
      awake: 2,
      rung: null,
    });
  });

  it('begins anew when somebody asked for it, and when its replica came up', () => {
    const asked = decide({ ...idle, isWanted: true }, spec, up(1), 50_000);
    expect(asked.sleep).toEqual({ awake: 1, rung: null });
    const coming = decide({ ...idle, ready: 0, starting: 1 }, spec, asked.state, 55_000);
    expect(coming.sleep?.rung).toBeNull();
    const later = decide(idle, spec, coming.state, 74_999);
    expect(later).toMatchObject({ sleep: { rung: null }, nextAtMs: 75_000 });
    expect(decide(idle, spec, later.state, 75_000).sleep?.rung).toBe(0);
  });

  it('stays awake for its minimum up time', () => {
    const asked = decide({ ...idle, isWanted: true }, { ...spec, minUpMs: 90_000 }, up(1), 0);
    const early = decide(idle, { ...spec, minUpMs: 90_000 }, asked.state, 60_000);
    expect(early).toMatchObject({ sleep: { rung: null }, nextAtMs: 90_000 });
    expect(decide(idle, { ...spec, minUpMs: 90_000 }, asked.state, 90_000).sleep?.rung).toBe(0);
  });

  it('is weighed by coldStartCost where the idle time is learned', () => {
    const adaptive = { ...spec, coldStartMs: 60_000, toZeroMs: 600_000 };
    expect(decide(idle, adaptive, up(1), 2_000).sleep?.rung).toBe(0);
  });

  it('never sleeps with idle 0, unless a rung has its time written', () => {
    expect(decide(idle, { ...spec, idleMs: 0 }, up(1), 3_600_000).sleep?.rung).toBeNull();
    const written = [{ ...ladder[0]!, afterMs: 30_000 }];
    expect(decide(idle, { ...spec, idleMs: 0, ladder: written }, up(1), 30_000)).toMatchObject({
      sleep: { rung: 0 },
      reason: 'asleep (level 1): idle for 30s',
    });
  });

  it('is tried on a rung that nothing is known of', () => {
    const unknown = [{ ...ladder[0]!, wakeMs: null }];
    const tried = decide(idle, { ...spec, ladder: unknown }, up(1), 300_000);
    expect(tried.sleep).toEqual({ awake: 0, rung: 0 });
    expect(tried.reason).toBe('asleep (level 1): idle for 5m, to learn how long it takes to wake');
  });
});

describe('a model that sleeps and is asked', () => {
  const asleep = { ...idle, ready: 0, asleep: 3, idleSinceMs: null };

  it('has as many awake as the requests fill, and the spare ones', () => {
    expect(decide({ ...asleep, waiting: 1 }, spec, up(3), 0).sleep).toEqual({ awake: 1, rung: null });
    expect(decide({ ...asleep, waiting: 3 }, spec, up(3), 0).sleep?.awake).toBe(2);
    expect(decide({ ...asleep, waiting: 1 }, { ...spec, buffer: 1 }, up(3), 0).sleep?.awake).toBe(2);
  });

  it('is looked at again in time to go to sleep when it is idle by then', () => {
    const busy = { ...idle, inFlight: 1, idleSinceMs: null };
    expect(decide(busy, spec, up(1), 5_000).nextAtMs).toBe(25_000);
    const rested = decide({ ...idle, idleSinceMs: 5_001 }, spec, up(1), 25_000);
    expect(rested).toMatchObject({ sleep: { rung: null }, nextAtMs: 25_001 });
    expect(decide(busy, { ...spec, min: 1 }, up(1), 5_000).nextAtMs).toBeNull();
  });

  it('starts none while a sleeping one is enough', () => {
    expect(decide({ ...asleep, waiting: 1 }, spec, up(3), 0).desired).toBe(3);
  });

  it('has all awake that are desired by Knative’s arithmetic', () => {
    const decision = decide({ ...asleep, waiting: 1 }, { ...spec, policy: 'kpa' }, up(3), 0);
    expect(decision.sleep).toEqual({ awake: decision.desired, rung: null });
    expect(decision.desired).toBeGreaterThan(0);
  });
});

it('puts nobody to sleep while something waits, runs, starts or is asked for, and never one of min', () => {
  const observed = fc.record({
    waiting: fc.nat(3),
    inFlight: fc.nat(3),
    ready: fc.nat(4),
    asleep: fc.nat(4),
    starting: fc.nat(2),
    isWanted: fc.boolean(),
    startMs: fc.option(fc.constant(60_000)),
  });
  const specs = fc.record({
    min: fc.nat(3),
    policy: fc.constantFrom('cost-aware' as const, 'kpa' as const),
    owner: fc.constantFrom('pilotlight' as const, 'external' as const),
  });
  const times = fc.array(fc.nat(900_000), { minLength: 1, maxLength: 20 });
  const holds = fc.property(fc.array(observed), specs, times, (all, change, waits) => {
    let state = up(3);
    let nowMs = 0;
    for (const [index, facts] of all.entries()) {
      nowMs += waits[index % waits.length]!;
      const isIdle = facts.waiting + facts.inFlight === 0;
      const told = { ...untouched, ...facts, idleSinceMs: isIdle ? nowMs - 300_000 : null };
      const decision = decide(told, { ...spec, ...change }, state, nowMs);
      const { awake, rung } = decision.sleep!;
      if (!isIdle || facts.starting > 0 || facts.isWanted) expect(rung).toBeNull();
      if (rung !== null) expect(awake).toBeGreaterThanOrEqual(Math.min(change.min, decision.desired));
      if (!isIdle && decision.desired > 0) expect(awake).toBeGreaterThan(0);
      expect(awake).toBeLessThanOrEqual(decision.desired);
      state = decision.state;
    }
  });
  fc.assert(holds, { numRuns: 500 });
});
