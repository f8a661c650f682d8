import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/autoscale/decide.ts';
import type { Observed, ScaleSpec, ScaleState } from '../../../src/core/scaling.ts';
import { noDemand } from '../../support/scale-settings.ts';
import { lasting, seen, specWith, stateOf, told, waited } from './observe.ts';

/** Decisions one after the other, each at its time; the last one is the answer. */
function course(spec: ScaleSpec, steps: readonly (readonly [number, Observed])[], first = stateOf(1)) {
  let state: ScaleState = first;
  let last: ReturnType<typeof decide> | null = null;
  for (const [nowMs, observed] of steps) {
    last = decide(observed, spec, state, nowMs);
    state = last.state;
  }
  return last!;
}

describe('queue delay', () => {
  const spec = specWith({ queueDelayMs: 5_000 });
  const waiting = (oldestWaitMs: number, observed: Partial<Observed> = {}) =>
    seen({ waiting: 10, inFlight: 100, ...observed }, { oldestWaitMs });

  it('asks for as many as bring the wait of the oldest one to the target', () => {
    const decision = course({ ...spec, concurrency: 0 }, [
      [0, waiting(0)],
      [20_000, waiting(12_000)],
    ]);
    expect(decision).toMatchObject({ desired: 3, reason: '3 by queue delay: 12s, target 5s' });
  });

  it('says when the target will be missed, and is looked at then', () => {
    const unlimited = { ...spec, concurrency: 0, idleMs: 0 };
    const early = course(unlimited, [
      [0, waiting(0)],
      [9_000, waiting(2_000)],
    ]);
    expect(early).toMatchObject({ desired: 1, nextAtMs: 12_501 });
    expect(decide(waiting(5_501), unlimited, early.state, 12_501).desired).toBe(2);
  });

  it('counts no wait for a start, neither of the first replica nor of a further one', () => {
    const unlimited = { ...spec, concurrency: 0 };
    const steps: [number, Observed][] = [
      [0, waiting(0, { ready: 0, starting: 1, inFlight: 0 })],
      [60_000, waiting(60_000, { ready: 0, starting: 1, inFlight: 0 })],
      [61_000, waiting(61_000)],
      [65_000, waiting(65_000)],
    ];
    expect(course(unlimited, steps).desired).toBe(1);
    expect(course(unlimited, [...steps, [66_600, waiting(66_600)]]).desired).toBe(2);
    const during: [number, Observed] = [120_000, waiting(120_000, { starting: 1 })];
    expect(course(unlimited, [...steps, [66_600, waiting(66_600)], during]).desired).toBe(2);
    const after: [number, Observed] = [126_000, waiting(126_000, { ready: 2 })];
    expect(course(unlimited, [...steps, [66_600, waiting(66_600)], during, after]).desired).toBe(2);
  });

  it('starts what is not worth a start by its cost', () => {
    // A queue that drains in seconds, and starts of five minutes.
    const steps: [number, Observed][] = [
      [
        0,
        seen({
          startMs: 300_000,
          inFlight: 100,
          demand: { arrived: 100, ended: 0, waitingMs: 0, inFlightMs: 0 },
        }),
      ],
      [
        1_000,
        {
          ...waiting(900, { waiting: 90, startMs: 300_000 }),
          demand: { arrived: 290, ended: 100, waitingMs: 9_000, inFlightMs: 100_000 },
        },
      ],
    ];
    const last: [number, Observed] = [
      10_000,
      {
        ...waiting(6_000, { waiting: 90, startMs: 300_000 }),
        demand: { arrived: 1_190, ended: 1_000, waitingMs: 9_000, inFlightMs: 1_000_000 },
      },
    ];
    const unsignalled: ScaleSpec = { ...spec };
    delete (unsignalled as { signals?: unknown }).signals;
    expect(course(unsignalled, [...steps, last]).desired).toBe(1);
    expect(course(spec, [...steps, last])).toMatchObject({
      desired: 2,
      reason: '2 by queue delay: 6s, target 5s',
    });
  });
});

describe('waiting per replica', () => {
  const spec = { ...specWith({ waitingPerReplica: 10 }, { max: 20 }), concurrency: 0 };

  it('divides those that wait, and asks for no more while replicas start for them', () => {
    const first = decide(lasting(42), spec, waited(1), 0);
    expect(first).toMatchObject({ desired: 5, reason: '5 by waiting: 42 on average, target 10 per replica' });
    const later = lasting(44, { starting: 4, demand: { ...noDemand, waitingMs: 42 * 16_000 + 44_000 } });
    expect(decide(later, spec, first.state, 1_000).desired).toBe(5);
  });

  it('looks at the mean of 15 to 20 s, and is looked at again until then', () => {
    const waiting = (nowMs: number): [number, Observed] => [
      nowMs,
      seen({ waiting: 42, demand: { ...noDemand, waitingMs: 42 * nowMs } }),
    ];
    const early = [0, 5_000, 10_000].map(waiting);
    expect(course({ ...spec, idleMs: 0 }, early)).toMatchObject({ desired: 1, nextAtMs: 15_000 });
    expect(course(spec, [...early, waiting(15_000)]).desired).toBe(5);
    // Only half of the time, and now more than ever.
    const half = seen({ waiting: 84, demand: { ...noDemand, waitingMs: 42 * 7_500 } });
    expect(course(spec, [...early, [15_000, half]]).desired).toBe(3);
    // All of the time, and now only a few.
    const few = seen({ waiting: 12, demand: { ...noDemand, waitingMs: 42 * 15_000 } });
    expect(course(spec, [...early, [15_000, few]]).desired).toBe(2);
  });

  it('says nothing while no replica is ready, and does not count that time', () => {
    const cold = lasting(42, { inFlight: 0, ready: 0, starting: 1 });
    const before = decide(cold, spec, waited(1), 0);
    expect(before.desired).toBe(1);
    const ready = lasting(42, { demand: { ...noDemand, waitingMs: 42 * 26_000 } });
    expect(decide(ready, spec, before.state, 10_000).desired).toBe(1);
  });

  it('lowers nothing: when none wait any more, the surplus goes as any other', () => {
    const raised = decide(lasting(42), spec, waited(1), 0);
    const none = seen({ ready: 5, demand: { ...noDemand, waitingMs: 42 * 16_000 } });
    const soon = decide(none, spec, raised.state, 1_000);
    expect(soon.desired).toBe(5);
    const later = decide(none, spec, soon.state, 600_000);
    expect(decide(none, spec, later.state, 1_200_000).desired).toBe(1);
  });
});

describe('first token', () => {
  const spec = specWith({ firstTokenMs: 2_000 });
  const totals = (count: number, sumMs: number, observed: Partial<Observed> = {}) =>
    seen(observed, { firstTokens: { count, sumMs } });

  it('goes by the mean of the answers that began within the last minute', () => {
    const decision = course(spec, [
      [0, totals(1_000, 100_000)],
      [5_000, totals(1_004, 100_000 + 4 * 4_800)],
    ]);
    expect(decision).toMatchObject({
      desired: 3,
      reason: '3 by first token: 4.8s on average, target 2s',
    });
  });

  it('says nothing of less than three answers, and is looked at again', () => {
    const decision = course({ ...spec, idleMs: 0 }, [
      [0, totals(10, 0)],
      [5_000, totals(12, 60_000)],
    ]);
    expect(decision).toMatchObject({ desired: 1, nextAtMs: 10_000 });
  });

  it('forgets what is older, also when nobody looked meanwhile', () => {
    const slow: [number, Observed][] = [
      [0, totals(0, 0)],
      [30_000, totals(10, 100_000)],
    ];
    expect(course(spec, slow).desired).toBe(5);
    // Ten slow ones, then ten quick ones: after the next mark only those count.
    expect(course(spec, [...slow, [90_000, totals(20, 101_000)]], stateOf(1)).state.signals?.wishes).toEqual([
      { signal: 'firstToken', count: 1, reason: '1 by first token: 0.1s on average, target 2s' },
    ]);
    expect(course(spec, [...slow, [600_000, totals(20, 200_000)]]).state.signals?.wishes).toEqual([]);
  });

  it('counts none that began while a replica started', () => {
    const steps: [number, Observed][] = [
      [0, totals(0, 0)],
      [10_000, totals(10, 100_000, { ready: 1, starting: 4 })],
      [20_000, totals(20, 200_000, { ready: 5 })],
    ];
    expect(course(spec, steps, stateOf(5)).state.signals?.wishes).toEqual([]);
    const later: [number, Observed] = [25_000, totals(23, 200_600, { ready: 5 })];
    expect(course(spec, [...steps, later], stateOf(5)).state.signals?.wishes).toMatchObject([{ count: 1 }]);
  });

  it('says nothing of a model that nobody uses', () => {
    const decision = course(spec, [
      [0, totals(0, 0)],
      [5_000, totals(5, 50_000, { inFlight: 0, idleSinceMs: 5_000 })],
    ]);
    expect(decision.state.signals?.wishes).toEqual([]);
  });
});

describe("a backend's own gauges", () => {
  const spec = specWith({ backend: { waiting: 5, running: 20, kvCache: 0.9 } });
  const tells = (reading: Parameters<typeof told>[0], observed: Partial<Observed> = {}) =>
    seen(observed, { backends: [told(reading)] });

  it.each([
    [{ waiting: 12 }, 3, '3 by backend waiting: 12 per replica, target 5'],
    [{ running: 50 }, 3, '3 by backend running: 50 per replica, target 20'],
    [{ kvCache: 1 }, 2, '2 by backend KV cache: 100 %, target 90 %'],
    [{ waiting: 6, running: 70, kvCache: 0.95 }, 4, '4 by backend running: 70 per replica, target 20'],
  ])('%j asks for %d', (reading, desired, reason) => {
    expect(decide(tells(reading), spec, stateOf(1), 0)).toMatchObject({ desired, reason });
  });

  it('say nothing when they are older than three readings', () => {
    expect(decide(tells({ waiting: 50 }), spec, stateOf(1), 15_000).desired).toBe(10);
    expect(decide(tells({ waiting: 50 }), spec, stateOf(1), 15_001)).toMatchObject({
      desired: 1,
      reason: '0 waiting and 1 running',
    });
  });

  it('are looked at again when they will be stale', () => {
    expect(decide(tells({ waiting: 5 }), { ...spec, idleMs: 0 }, stateOf(1), 1_000).nextAtMs).toBe(15_001);
  });

  it('of which some are silent raise and lower as those of an HPA do', () => {
    const two = (reading: Parameters<typeof told>[0]) => tells(reading, { ready: 2 });
    expect(decide(two({ waiting: 7 }), spec, stateOf(2), 0).desired).toBe(2);
    expect(decide(two({ waiting: 20 }), spec, stateOf(2), 0).desired).toBe(4);
    expect(decide(two({ waiting: 4 }), spec, stateOf(2), 0).state.signals?.wishes).toMatchObject([
      { signal: 'backend.waiting', count: 2 },
    ]);
  });

  it('keep a replica that others use, and let it go the idle time after them', () => {
    const idle = { inFlight: 0, idleSinceMs: 0 };
    const used = course(spec, [
      [0, tells({ running: 3 }, idle)],
      [300_000, seen(idle, { backends: [told({ running: 3, atMs: 299_000 })] })],
    ]);
    expect(used.desired).toBe(1);
    const unused = seen(idle, { backends: [told({ running: 0, atMs: 303_000 })] });
    const after = decide(unused, spec, used.state, 305_000);
    expect(after).toMatchObject({ desired: 1, nextAtMs: 360_000 });
    expect(decide(seen(idle), spec, after.state, 360_000).desired).toBe(0);
  });

  it('keep no replica for a cache that stays full without requests', () => {
    const idle = { inFlight: 0, idleSinceMs: 0 };
    const full = seen(idle, { backends: [told({ kvCache: 1, running: 0, atMs: 60_000 })] });
    expect(decide(full, spec, stateOf(1), 60_000).desired).toBe(0);
  });
});

describe('signals together', () => {
  it('of which the largest wins, within max and maxStarting', () => {
    const both = { queueDelayMs: 5_000, waitingPerReplica: 10 };
    const calm = lasting(42);
    const busy = { ...calm, signals: { ...calm.signals!, oldestWaitMs: 7_000 } };
    const spec = { ...specWith(both), concurrency: 0 };
    expect(decide(busy, spec, waited(1), 0).desired).toBe(5);
    expect(decide(busy, spec, waited(1), 0).state.signals?.wishes.map(({ count }) => count)).toEqual([2, 5]);
    expect(decide(busy, { ...spec, max: 3 }, waited(1), 0)).toMatchObject({
      desired: 3,
      reason: '5 by waiting: 42 on average, target 10 per replica; 3 for now',
    });
    expect(decide(busy, { ...spec, maxStarting: 1 }, waited(1), 0).desired).toBe(2);
  });

  it('leave the reason to the requests where those need as many', () => {
    const busy = seen({ waiting: 0, inFlight: 300, ready: 3 }, { backends: [told({ waiting: 1 })] });
    const spec = specWith({ backend: { waiting: 5 } });
    expect(decide(busy, spec, stateOf(3), 0).reason).toBe('0 waiting and 300 running');
  });

  it('are not asked where others own the count', () => {
    const spec = specWith({ waitingPerReplica: 1 }, { owner: 'external' });
    expect(decide(lasting(42), spec, waited(1), 0).desired).toBe(1);
  });
});

describe('signals beside the policy kpa', () => {
  const spec = { ...specWith({ waitingPerReplica: 10 }, { policy: 'kpa' }), concurrency: 0 };

  it('are the least that there is, and keep it for a stable window', () => {
    const first = decide(lasting(42), spec, waited(1), 0);
    expect(first.desired).toBe(5);
    expect(first.reason).toContain('5 by waiting: 42 on average, target 10 per replica');
    const ready = seen({ ready: 5, demand: { ...noDemand, waitingMs: 42 * 16_000 } });
    const kept = decide(ready, spec, first.state, 59_999);
    expect(kept.desired).toBe(5);
    // Then it is Knative's own way down, by a half at most.
    expect(decide(ready, spec, kept.state, 60_001).desired).toBe(2);
  });

  it('change nothing of its arithmetic where they say nothing', () => {
    const plain = { ...spec };
    delete (plain as { signals?: unknown }).signals;
    let [state, plainState] = [stateOf(1), stateOf(1)];
    for (let nowMs = 0; nowMs < 120_000; nowMs += 1_000) {
      const observed = seen({
        inFlight: (nowMs / 1_000) % 7,
        demand: { arrived: nowMs, ended: nowMs, waitingMs: 0, inFlightMs: nowMs * 3 },
      });
      const [one, other] = [decide(observed, spec, state, nowMs), decide(observed, plain, plainState, nowMs)];
      expect({ ...one.state, signals: null }).toEqual({ ...other.state, signals: null });
      expect([one.desired, one.reason]).toEqual([other.desired, other.reason]);
      [state, plainState] = [one.state, other.state];
    }
  });
});
