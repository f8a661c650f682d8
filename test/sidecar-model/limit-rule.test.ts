import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackendLoad } from '../../src/core/signals.ts';
import {
  firstLimit,
  isGivenUp,
  type LimitState,
  nextLimit,
} from '../../src/sidecar/model/gauges/limit-rule.ts';

const bounds = { bound: 100, maxWaiting: 0 };
const state: LimitState = { limit: 20, changedAtMs: 0, overloads: 0, misses: 0 };
const load = (waiting: number | null, running: number | null = null, kvCache: number | null = null) => ({
  waiting,
  running,
  kvCache,
});

/** After the readings, one a second from 100 s on. */
function reading(
  loads: readonly (BackendLoad | null)[],
  inFlight = 20,
  from = state,
  within = bounds,
): LimitState {
  return loads.reduce<LimitState>(
    (it, next, index) => nextLimit(it, { nowMs: 100_000 + index * 1_000, load: next, inFlight }, within),
    from,
  );
}

/** An engine that runs `slots` at once and tells of itself `lagMs` late; demand that takes whatever it may. */
function simulate(options: {
  slots: number;
  bound: number;
  maxWaiting: number;
  lagMs: number;
  seconds: number;
}) {
  const { slots, bound, maxWaiting, lagMs, seconds } = options;
  const within = { bound, maxWaiting };
  let it = firstLimit(within);
  const told: BackendLoad[] = [];
  const limits: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const inFlight = it.limit;
    const running = Math.min(slots, inFlight);
    told.push(load(inFlight - running, running, Math.min(1, inFlight / (4 * slots))));
    const seen = told[Math.max(0, second - Math.round(lagMs / 1_000))]!;
    it = nextLimit(it, { nowMs: second * 1_000, load: seen, inFlight }, within);
    limits.push(it.limit);
  }
  return limits;
}

describe('the limit by the gauges of an app', () => {
  it('begins with all that is allowed', () => {
    expect(firstLimit(bounds)).toEqual({
      limit: 100,
      changedAtMs: Number.NEGATIVE_INFINITY,
      overloads: 0,
      misses: 0,
    });
  });

  it('rises by one while nothing waits in the app and it has all that it may have', () => {
    expect(reading([load(0, 20)]).limit).toBe(21);
    expect(reading([load(0, 20), load(0, 20)], 21).limit).toBe(21);
    expect(reading([load(0, 20), load(0, 20), load(0, 20)], 21).limit).toBe(22);
  });

  it.each([
    ['it is not used', load(0, 19), 19],
    ['its cache fills up', load(0, 20, 0.9), 20],
    ['it cannot be told what waits and the cache fills up', load(null, 20, 0.95), 20],
  ])('stays while %s', (_, seen, inFlight) => {
    expect(reading([seen, seen, seen], inFlight).limit).toBe(20);
  });

  it('stays between nothing and what may wait', () => {
    expect(
      reading([load(2, 20), load(2, 20), load(2, 20)], 20, state, { bound: 100, maxWaiting: 2 }).limit,
    ).toBe(20);
  });

  it('falls to what runs when some wait twice in a row', () => {
    expect(reading([load(1, 18)]).limit).toBe(20);
    expect(reading([load(1, 18), load(0, 18), load(1, 18)], 19).limit).toBe(20);
    expect(reading([load(2, 18), load(2, 18)]).limit).toBe(18);
  });

  it('leaves what may wait', () => {
    const within = { bound: 100, maxWaiting: 3 };
    expect(reading([load(5, 15), load(5, 15)], 20, state, within).limit).toBe(18);
  });

  it('falls by three tenths at most, of what the app really has', () => {
    expect(reading([load(15, 5), load(15, 5)]).limit).toBe(14);
    expect(reading([load(5, 1), load(5, 1)], 10).limit).toBe(7);
    expect(reading([load(5), load(5)]).limit).toBe(14);
  });

  it('falls by the cache where an app does not say what waits', () => {
    expect(reading([load(null, null, 0.99), load(null, null, 0.99)]).limit).toBe(14);
  });

  it('concludes nothing more from gauges that may tell of the time before it fell', () => {
    const first = reading([load(5, 15), load(5, 15)]);
    expect(first.limit).toBe(15);
    const seen = (nowMs: number) => ({ nowMs: 101_000 + nowMs, load: load(5, 10), inFlight: 15 });
    const second = nextLimit(nextLimit(first, seen(1_000), bounds), seen(5_999), bounds);
    expect(second.limit).toBe(15);
    expect(nextLimit(second, seen(6_000), bounds).limit).toBe(10);
  });

  it('goes back to all that is allowed when the gauges cannot be read three times in a row', () => {
    const twice = reading([null, null]);
    expect([twice.limit, isGivenUp(twice)]).toEqual([20, false]);
    const lost = reading([null, null, null]);
    expect([lost.limit, isGivenUp(lost)]).toEqual([100, true]);
    const found = reading([load(0, 20)], 20, lost);
    expect([found.limit, isGivenUp(found)]).toEqual([100, false]);
    expect(isGivenUp(reading([null, null, load(0, 20), null, null]))).toBe(false);
  });

  it('is never above the bound nor below 1, whatever is read', () => {
    const count = fc.option(fc.integer({ min: 0, max: 2_000 }), { nil: null });
    const told = fc.option(
      fc.record({
        waiting: count,
        running: count,
        kvCache: fc.option(fc.double({ min: 0, max: 1 }), { nil: null }),
      }),
      { nil: null },
    );
    const sight = fc.record({ load: told, inFlight: fc.nat(2_000), afterMs: fc.nat(20_000) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.nat(50),
        fc.array(sight, { maxLength: 200 }),
        (bound, maxWaiting, sights) => {
          let it = firstLimit({ bound, maxWaiting });
          let nowMs = 0;
          for (const { load: seen, inFlight, afterMs } of sights) {
            nowMs += afterMs;
            it = nextLimit(it, { nowMs, load: seen, inFlight }, { bound, maxWaiting });
            expect(it.limit).toBeGreaterThanOrEqual(1);
            expect(it.limit).toBeLessThanOrEqual(bound);
            expect(Number.isInteger(it.limit)).toBe(true);
          }
        },
      ),
    );
  });

  it('comes close to what an engine can run and stays there, however late it tells', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.nat(8),
        fc.integer({ min: 0, max: 6_000 }),
        (slots, bound, maxWaiting, lagMs) => {
          const limits = simulate({ slots, bound, maxWaiting, lagMs, seconds: 1_200 });
          const aim = Math.min(slots, bound);
          for (const limit of limits.slice(600)) {
            expect(limit).toBeGreaterThanOrEqual(Math.floor(aim * 0.7));
            expect(limit).toBeLessThanOrEqual(Math.min(bound, aim + maxWaiting + 5));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
