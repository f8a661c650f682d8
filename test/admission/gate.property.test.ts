import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PriorityClass } from '../../src/admission/waiter.ts';
import { GateModel } from './gate-model.ts';
import type { Arrival } from './model-waiter.ts';
import { openGate, TestWaiter } from './test-waiter.ts';

type Step = (model: GateModel) => void;

const rarely = fc.nat(3).map((it) => it === 0);
const pick = fc.nat(40);
const limit = fc.integer({ min: 0, max: 3 });

const arrival: fc.Arbitrary<Arrival> = fc.record({
  priority: fc.constantFrom<PriorityClass>(0, 1, 1, 1, 1, 2, 3),
  tenant: fc.constantFrom('a', 'a', 'a', 'b'),
  bytes: fc.nat(20),
  timeoutMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 60 })),
  affinity: fc.record({
    session: fc.constantFrom(null, null, 's', 't'),
    blocks: fc.constantFrom<number[][]>([], [1], [1, 2], [3]),
  }),
  releasesAtOnce: rarely,
  entersAtOnce: rarely,
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: arrival.map(
      (it): Step =>
        (model) =>
          model.enter(it),
    ),
  },
  {
    weight: 5,
    arbitrary: pick.map(
      (it): Step =>
        (model) =>
          model.release(it),
    ),
  },
  {
    weight: 3,
    arbitrary: pick.map(
      (it): Step =>
        (model) =>
          model.cancel(it),
    ),
  },
  {
    weight: 3,
    arbitrary: pick.map(
      (it): Step =>
        (model) =>
          model.fail(it),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(pick, fc.nat(30)).map(
      ([it, bytes]): Step =>
        (model) =>
          model.grow(it, bytes),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 40 }).map(
      (ms): Step =>
        (model) =>
          model.advance(ms),
    ),
  },
  {
    weight: 2,
    arbitrary: limit.map(
      (it): Step =>
        (model) =>
          model.addReplica(it),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(pick, limit).map(
      ([it, to]): Step =>
        (model) =>
          model.setLimit(it, to),
    ),
  },
  {
    weight: 2,
    arbitrary: pick.map(
      (it): Step =>
        (model) =>
          model.suspend(it),
    ),
  },
  {
    weight: 3,
    arbitrary: pick.map(
      (it): Step =>
        (model) =>
          model.reinstate(it),
    ),
  },
  {
    weight: 1,
    arbitrary: pick.map(
      (it): Step =>
        (model) =>
          model.removeReplica(it),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((model) => model.failWaiters()) },
);

describe('a gate under random arrivals, cancels, deadlines, capacity changes and failures', () => {
  it('exceeds no limit, keeps the order, loses nobody, grants nobody twice and returns to zero', () => {
    const strategy = fc.constantFrom('auto' as const, 'least' as const, 'first' as const, 'prefix' as const);
    const steps = fc.array(step, { minLength: 10, maxLength: 80 });
    fc.assert(
      fc.property(strategy, fc.double({ min: 0, max: 0.99, noNaN: true }), steps, (name, random, all) => {
        const model = new GateModel(name, () => random);
        for (const run of all) {
          run(model);
          model.check();
        }
        model.finish();
      }),
      { numRuns: 400 },
    );
  });
});

describe('shares under random weights', () => {
  const weight = fc.integer({ min: 1, max: 20 });

  /** Serves one by one while everybody still waits; how many of each key were served. */
  function served(waiters: TestWaiter[], count: number, key: (waiter: TestWaiter) => number): number[] {
    const counts = [0, 0, 0];
    const open = new Set(waiters);
    for (let i = 0; i < count; i++) {
      const running = [...open].find(({ permit }) => permit !== null)!;
      open.delete(running);
      counts[key(running)]!++;
      running.permit?.release();
    }
    return counts;
  }

  /** Turns per weight of any two differ by no more than one turn of each. */
  function expectFair(counts: number[], weights: readonly number[]): void {
    for (let a = 0; a < 3; a++)
      for (let b = 0; b < a; b++) {
        const difference = Math.abs(counts[a]! / weights[a]! - counts[b]! / weights[b]!);
        expect(difference).toBeLessThanOrEqual(1 / weights[a]! + 1 / weights[b]! + 1e-9);
      }
  }

  it('stay within one turn of the weights, for classes and for tenants', () => {
    fc.assert(
      fc.property(fc.tuple(weight, weight, weight), fc.integer({ min: 1, max: 50 }), (weights, count) => {
        for (const isByTenant of [true, false]) {
          const tenantWeight = (tenant: string) => weights[Number(tenant)]!;
          const { gate } = openGate({ max: 1_000 }, isByTenant ? { tenantWeight } : { weights });
          const waiters = Array.from({ length: 3 * 51 }, (_, i) => {
            const group = (i % 3) as PriorityClass;
            return new TestWaiter(`${i}`, isByTenant ? { tenant: `${group}` } : { priority: group }).enter(
              gate,
            );
          });
          gate.addReplica('r', 'http://r', 1);
          const key = (waiter: TestWaiter) => (isByTenant ? Number(waiter.tenant) : waiter.priority);
          expectFair(served(waiters, count, key), weights);
        }
      }),
      { numRuns: 100 },
    );
  });
});
