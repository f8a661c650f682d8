import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generate, parseArrivals } from '../../src/simulate/generate.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { TraceBuilder } from '../../src/simulate/trace.ts';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { play, type Request, secondsOf } from './scenario.ts';

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
