import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generate, parseArrivals } from '../../src/simulate/generate.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { TraceBuilder } from '../../src/simulate/trace.ts';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { play, type Request, secondsOf } from './scenario.ts';

describe('a simulation', () => {
  it('comes to what is computed by hand: cold requests, waits, and what the replica did', async () => {
    const figures = await play(
      [
        [0, 5], // cold, waits from 0 to 10, runs until 15
        [4, 2], // comes while it loads: cold, waits until 10, runs until 12
        [20, 1], // finds it ready, runs until 21; it ends at 81
        [100, 60], // cold, waits until 110, would have ended at 160
      ],
      { price: 3600 },
    );
    expect(figures).toMatchObject({
      policy: 'fixed:60s',
      requests: 4,
      coldRequests: 3,
      coldShare: 0.75,
      refused: 0,
      starts: 2,
      waitMs: { mean: 6_500, p50: 6_000, p95: 10_000, p99: 10_000 },
    });
    // Busy 10-15, 20-21 and 110-160; idle 15-20 and 21-81; loading 0-10 and 100-110.
    expect(secondsOf(figures)).toEqual({ busy: 56, idle: 65, loading: 20 });
    expect(figures.cost).toBe(141);
  });

  it('has a request that comes when the idle time has just passed find its replica, and one after it not', async () => {
    const coldWith = async (idleS: number) =>
      (
        await play([
          [0, 1],
          [11 + idleS, 1],
        ])
      ).coldRequests;
    expect([await coldWith(59.999), await coldWith(60), await coldWith(60.001)]).toEqual([1, 1, 2]);
  });

  it('keeps the models apart, and tells the figures of each', async () => {
    const { coldRequests, models, ...all } = await play([
      [0, 5, 'a'],
      [3, 5, 'b'],
      [20, 5, 'a'],
      [200, 5, 'b'],
    ]);
    expect(coldRequests).toBe(3);
    expect(models.map(({ model, requests, coldRequests: cold }) => [model, requests, cold])).toEqual([
      ['a', 2, 1],
      ['b', 2, 2],
    ]);
    const seconds = models.map(secondsOf);
    // a: loads 0-10, runs 10-15 and 20-25, ends at 85. b: loads 3-13, runs 13-18, ends at 78; loads 200-205 of 205.
    expect(seconds).toEqual([
      { busy: 10, idle: 65, loading: 10 },
      { busy: 5, idle: 60, loading: 15 },
    ]);
    expect(secondsOf(all)).toEqual({ busy: 15, idle: 125, loading: 25 });
  });

  it('has requests beyond the limit wait for each other: they are not cold', async () => {
    const warm: Request[] = [
      [20, 4],
      [20, 4],
      [20, 4],
    ];
    const figures = await play([[0, 1], ...warm], { concurrency: 1 });
    expect(figures.coldRequests).toBe(1);
    // 10 s for the start; then 0, 4 and 8.
    expect(figures.waitMs).toMatchObject({ mean: 5_500, p50: 4_000, p99: 10_000 });
  });

  it('starts more replicas where the limit needs them, up to the most', async () => {
    const burst: Request[] = [
      [0, 30],
      [0, 30],
      [0, 30],
    ];
    const figures = await play(burst, { concurrency: 1, max: 2, load: '10s' });
    expect(figures.starts).toBe(2);
    expect(figures.waitMs).toMatchObject({ p50: 10_000, p99: 40_000 });
  });

  it('counts only what comes after the point from which it is judged, warm replicas from before included', async () => {
    const requests: Request[] = [
      [0, 5],
      [60, 5],
      [200, 5],
      [300, 5],
    ];
    const figures = await play(requests, { judgeFromS: 60 });
    // The second finds the replica of the first (ready from 10, idle since 15).
    expect(figures).toMatchObject({ requests: 3, coldRequests: 2, starts: 2 });
    // Busy 60-65, 210-215; idle 65-125, 215-275; loading 200-210, 300-305 (the trace ends there).
    expect(secondsOf(figures)).toEqual({ busy: 10, idle: 120, loading: 15 });
  });

  it('never goes to zero with the policy always, and pays for it', async () => {
    const figures = await play(
      [
        [20, 5],
        [1_000, 5],
      ],
      { policy: 'always' },
    );
    expect(figures).toMatchObject({ coldRequests: 0, starts: 1, waitMs: { p99: 0 } });
    expect(secondsOf(figures)).toEqual({ busy: 10, idle: 985, loading: 10 });
  });

  it("keeps a replica for about Knative's stable window of 60 s with the policy kpa", async () => {
    const coldWith = async (gapS: number) =>
      (
        await play(
          [
            [0, 1],
            [11 + gapS, 1],
          ],
          { policy: 'kpa' },
        )
      ).coldRequests;
    expect([await coldWith(50), await coldWith(90)]).toEqual([1, 2]);
    const { idle, busy } = secondsOf(
      await play(
        [
          [0, 1],
          [2_000, 1],
        ],
        { policy: 'kpa' },
      ),
    );
    expect(busy).toBe(1);
    expect(idle).toBeGreaterThan(55);
    expect(idle).toBeLessThan(70);
  });

  it('draws each start of a model anew, and the same under each policy', async () => {
    const requests: Request[] = Array.from({ length: 200 }, (_, i) => [i * 1_000, 1]);
    const load = '10%:2s,90%:42s';
    const [a, b, other] = await Promise.all([
      play(requests, { load, policy: 'fixed:60s' }),
      play(requests, { load, policy: 'fixed:90s' }),
      play(requests, { load, policy: 'fixed:60s', seed: 2 }),
    ]);
    expect(a.starts).toBe(200);
    expect(a.waitMs).toEqual(b.waitMs);
    expect(a.waitMs).not.toEqual(other.waitMs);
    expect(a.waitMs!.p50).toBeGreaterThan(15_000);
    expect(a.waitMs!.p50).toBeLessThan(29_000);
    expect(a.waitMs!.p99).toBe(42_000);
  });
});

/**
 * A fixed idle time as plain arithmetic: one replica without a limit that is met, loads that take the same. Told are cold
 * requests, starts and, in milliseconds, idle time.
 */
function keptAlive(requests: readonly Request[], { keepMs, loadMs }: { keepMs: number; loadMs: number }) {
  const endMs = Math.max(...requests.map(([arrivalS, execS]) => (arrivalS + execS) * 1000));
  const idleBetween = (fromMs: number, toMs: number) =>
    Math.max(0, Math.min(toMs, endMs) - Math.min(fromMs, endMs));
  const stateByModel = new Map<string, { readyMs: number; freeMs: number }>();
  const told = { cold: 0, starts: 0, idleMs: 0 };
  for (const [arrivalS, execS, model = 'm'] of requests.toSorted(([a], [b]) => a - b)) {
    const atMs = arrivalS * 1000;
    let state = stateByModel.get(model);
    if (state === undefined || atMs > state.freeMs + keepMs) {
      if (state !== undefined) told.idleMs += idleBetween(state.freeMs, state.freeMs + keepMs);
      told.starts++;
      state = { readyMs: atMs + loadMs, freeMs: atMs + loadMs };
      stateByModel.set(model, state);
    }
    // In the very instant in which a start ends, who arrives is first.
    if (atMs <= state.readyMs) told.cold++;
    const beginMs = Math.max(atMs, state.readyMs);
    told.idleMs += idleBetween(state.freeMs, Math.max(state.freeMs, beginMs));
    state.freeMs = Math.max(state.freeMs, beginMs + execS * 1000);
  }
  for (const { freeMs } of stateByModel.values()) told.idleMs += idleBetween(freeMs, freeMs + keepMs);
  return told;
}

function generated(seed: number) {
  const builder = new TraceBuilder();
  const arrivals = parseArrivals('poisson:20/hx5,burst:15@6/dx3,daily:200/dx2');
  generate(builder, { arrivals, durationMs: 86_400_000, exec: parseSpread('50%:2s,99%:40s'), seed });
  return builder.build();
}

it('the loads of a model have nothing to do with those of another', async () => {
  const alone: Request[] = Array.from({ length: 30 }, (_, i) => [i * 1_000, 1, 'a']);
  const load = '10%:2s,90%:42s';
  const beside: Request[] = alone.flatMap(([atS, execS]): Request[] => [
    [atS, execS, 'b'],
    [atS + 1, execS, 'a'],
  ]);
  const waitsOf = async (requests: Request[], name: string) =>
    (await play(requests, { load })).models.find(({ model }) => model === name)!.waitMs;
  expect(await waitsOf(beside, 'a')).toEqual(await waitsOf(alone, 'a'));
  expect(await waitsOf(beside, 'b')).not.toEqual(await waitsOf(alone, 'a'));
});

describe('what comes out of a simulation', () => {
  const scenario = { load: '1%:1.5s,50%:22.7s,99%:51.9s', concurrency: 4, max: 3, policy: 'fixed:5m' };

  it('is the same for the same seed, byte for byte, and another for another', async () => {
    const told = async (seed: number) => JSON.stringify(await play(generated(seed), { ...scenario, seed }));
    const first = await told(7);
    expect(await told(7)).toBe(first);
    expect(await told(8)).not.toBe(first);
  });

  it('does not depend on how often promises are waited for', async () => {
    const clock = new VirtualClock();
    const set = clock.setEvent.bind(clock);
    clock.setEvent = (rank, atMs, fn) =>
      set(rank, atMs, () => {
        clock.promised();
        fn();
      });
    const trace = generated(3);
    expect(await play(trace, { ...scenario, clock })).toEqual(await play(trace, scenario));
  });

  it('is that of plain arithmetic where a policy is a fixed idle time', async () => {
    const request = fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 90 }), fc.constantFrom('a', 'b'));
    const times = fc.record({
      keepS: fc.integer({ min: 1, max: 200 }),
      loadS: fc.integer({ min: 1, max: 90 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 60 }), times, async (requests, one) => {
        const { keepS, loadS } = one;
        const figures = await play(requests, {
          policy: `fixed:${keepS}s`,
          load: `${loadS}s`,
          concurrency: 0,
        });
        const { coldRequests: cold, starts } = figures;
        const expected = keptAlive(requests, { keepMs: keepS * 1000, loadMs: loadS * 1000 });
        expect({ cold, starts, idleMs: secondsOf(figures).idle * 1000 }).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('accounts for each request and each second, whatever the trace', async () => {
    const request = fc.tuple(fc.nat(3_000), fc.nat(200), fc.constantFrom('a', 'b'));
    const shape = fc.record({
      concurrency: fc.integer({ min: 0, max: 3 }),
      max: fc.integer({ min: 1, max: 3 }),
      load: fc.constantFrom('0', '1s', '10s', '5%:1s,95%:200s'),
      policy: fc.constantFrom('fixed:10s', 'fixed:5m', 'always'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 40 }), shape, async (requests, one) => {
        const figures = await play(requests, one);
        expect(figures.requests).toBe(requests.length);
        expect(figures.refused).toBe(0);
        expect(figures.models.reduce((sum, { requests: count }) => sum + count, 0)).toBe(requests.length);
        const { busy, idle, loading } = secondsOf(figures);
        const endS = Math.max(...requests.map(([arrivalS, execS]) => arrivalS + execS));
        const models = new Set(requests.map(([, , model]) => model)).size;
        expect(busy + idle + loading).toBeLessThanOrEqual(endS * one.max * models + 0.01);
        expect(figures.coldRequests).toBeLessThanOrEqual(requests.length);
        expect(figures.starts).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});
