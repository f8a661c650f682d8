import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SharedRoom } from '../../../src/autoscale/placement/shared-room.ts';
import { isAtOdds, type TenantState } from '../../../src/autoscale/placement/world.ts';
import type { Group } from '../../../src/core/room.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ModelTenant } from './model-tenant.ts';
import { gib, tenant } from './worlds.ts';

const maxPassMs = 20_000;
const longestLoadMs = 30_000;
const longestServiceMs = 8_000;

const group = fc.constantFrom<(Group | null)[]>(
  null,
  null,
  null,
  { name: 'swapped', isSwapped: true, isExclusive: false, isPersistent: false },
  { name: 'alone', isSwapped: false, isExclusive: true, isPersistent: false },
);

const drawn = fc.record({
  gpus: fc.array(fc.constantFrom(24, 24, 48), { minLength: 1, maxLength: 3 }),
  maxStarting: fc.constantFrom(null, null, 1, 2),
  models: fc.array(
    fc.record({
      gpus: fc.constantFrom(1, 1, 1, 3),
      memory: fc.constantFrom(8, 12, 20, null),
      host: fc.constantFrom(0, 0, 6),
      group,
      loadMs: fc.integer({ min: 500, max: longestLoadMs }),
    }),
    { minLength: 2, maxLength: 5 },
  ),
  failures: fc.array(fc.boolean(), { maxLength: 10 }),
  steps: fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 4_000 }),
      model: fc.nat(4),
      serviceMs: fc.integer({ min: 1, max: longestServiceMs }),
      what: fc.constantFrom('request', 'request', 'request', 'request', 'burst', 'leave', 'rest'),
    }),
    { minLength: 20, maxLength: 80 },
  ),
});

type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

const hostBytes = 12 * gib;

class History {
  readonly clock = new ManualClock();
  readonly room: SharedRoom;
  readonly models: readonly ModelTenant[];
  readonly #drawn: Drawn;
  readonly #states: readonly TenantState[];

  constructor(one: Drawn) {
    this.#drawn = one;
    const { clock } = this;
    const gpus = one.gpus.map((size, at) => ({ id: String(at), pool: null, memoryBytes: size * gib }));
    const settings = { gpus, hostBytes, maxStarting: one.maxStarting, maxPassMs };
    this.room = new SharedRoom({ clock, settings, gauge: null });
    const failures = [...one.failures];
    const made = one.models.map((model, at) => ({
      id: `m${at}`,
      clock,
      room: this.room,
      needs: {
        // Of those that there are: one that can never fit is refused before it comes here.
        gpus: Math.min(model.gpus, gpus.length),
        memoryBytes: model.memory === null ? null : model.memory * gib,
        hostBytes: model.host * gib,
        pool: null,
      },
      group: model.group,
      loadMs: model.loadMs,
      fails: () => failures.shift() ?? false,
    }));
    this.models = made.map((options) => new ModelTenant(options));
    this.#states = made.map(({ id, needs, group: of }) => tenant(id, { needs, group: of }));
  }

  play(check: () => void): void {
    for (const { afterMs, model, serviceMs, what } of this.#drawn.steps) {
      this.pass(afterMs, check);
      const one = this.models[model % this.models.length]!;
      if (what === 'request') one.request(serviceMs);
      else if (what === 'burst') for (let count = 0; count < 5; count++) one.request(serviceMs);
      else if (what === 'leave') one.leave();
      else one.rest();
      check();
    }
  }

  pass(ms: number, check: () => void, stepMs = 500): void {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advanceSync(Math.min(stepMs, left));
      check();
    }
  }

  /** Nobody has more than there is, no two at odds are there, nothing was cut. */
  checkBudget(): void {
    for (const [at, size] of this.#drawn.gpus.entries()) {
      const taken = this.models.flatMap(({ replicas }, index) =>
        replicas
          .filter(({ place }) => place.gpus.includes(String(at)))
          .map(() => this.#states[index]!.needs.memoryBytes ?? size * gib),
      );
      expect(taken.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(size * gib);
    }
    const host = this.models.map(
      ({ replicas }, index) => replicas.length * this.#states[index]!.needs.hostBytes,
    );
    expect(host.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(hostBytes);
    const starting = this.models.flatMap(({ replicas }) =>
      replicas.filter(({ state }) => state === 'starting'),
    );
    expect(starting.length).toBeLessThanOrEqual(this.#drawn.maxStarting ?? Number.POSITIVE_INFINITY);
    const here = this.#states.filter((_, index) => this.models[index]!.replicas.length > 0);
    expect(here.filter((one) => here.some((other) => isAtOdds(one, other)))).toEqual([]);
    expect(this.models.flatMap(({ broken }) => broken)).toEqual([]);
  }

  /** A turn of another: its start, whoever waits for it, its last requests, and being passed once more. */
  get boundMs(): number {
    const turnMs = longestLoadMs + 2 * longestServiceMs + maxPassMs + 2_000;
    return (this.models.length + 1) * turnMs;
  }
}

it('whatever happens, no budget is exceeded, nothing busy is cut, and nobody starves', () => {
  let evictions = 0;
  let longestMs = 0;
  fc.assert(
    fc.property(drawn, (one) => {
      const history = new History(one);
      const { models, boundMs } = history;
      const check = () => {
        history.checkBudget();
        for (const { oldestWaitMs } of models) expect(oldestWaitMs).toBeLessThanOrEqual(boundMs);
      };
      history.play(check);
      history.pass(boundMs, check, 2_000);
      expect(models.flatMap(({ queue }) => queue)).toEqual([]);
      expect(history.room.snapshot().waiting).toEqual([]);
      evictions += models.reduce((sum, model) => sum + model.evictions, 0);
      longestMs = Math.max(longestMs, ...models.flatMap(({ waitsMs }) => waitsMs));
    }),
    { numRuns: 80 },
  );
  // There was something to see.
  expect(evictions).toBeGreaterThan(100);
  expect(longestMs).toBeGreaterThan(maxPassMs);
});

it('a model that is never idle lets the others have their turn, again and again', () => {
  const loads = fc.record({
    loadMs: fc.integer({ min: 500, max: longestLoadMs }),
    others: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(loads, ({ loadMs, others }) => {
      const model = { gpus: 1, memory: 20, host: 0, group: null, loadMs } as const;
      const models = Array.from({ length: others + 1 }, () => model);
      const history = new History({ gpus: [24], maxStarting: null, models, failures: [], steps: [] });
      const [stream, ...waiting] = history.models;
      for (let atMs = 0; atMs < 600_000; atMs += 500) {
        stream!.request(1_000);
        for (const one of waiting) if (one.queue.length === 0) one.request(1_000);
        history.pass(500, () => history.checkBudget());
        for (const one of history.models) expect(one.oldestWaitMs).toBeLessThanOrEqual(history.boundMs);
      }
      for (const one of waiting) expect(one.waitsMs.length).toBeGreaterThan(1);
      expect(stream!.waitsMs.length).toBeGreaterThan(100);
    }),
    { numRuns: 8 },
  );
});

it('a model that needs all GPUs gets them, however many small ones are asked for', () => {
  const small = { gpus: 1, memory: 20, host: 0, group: null, loadMs: 5_000 } as const;
  const models = [{ ...small, gpus: 3 as const, loadMs: 20_000 }, small, small, small, small];
  const history = new History({ gpus: [24, 24, 24], maxStarting: null, models, failures: [], steps: [] });
  const [big, ...others] = history.models;
  for (let round = 0; round < 2_400; round++) {
    for (const one of others) one.request(1_500);
    if (big!.queue.length === 0 && round % 100 === 0) big!.request(2_000);
    history.pass(250, () => history.checkBudget());
    expect(big!.oldestWaitMs).toBeLessThanOrEqual(history.boundMs);
  }
  expect(big!.waitsMs.length).toBeGreaterThanOrEqual(4);
});

it('serves requests to a model that is there in groups: ABCABC goes as AABBCC', () => {
  const small = { gpus: 1, memory: 20, host: 0, group: null, loadMs: 5_000 } as const;
  const models = [small, small, small];
  const history = new History({ gpus: [24], maxStarting: null, models, failures: [], steps: [] });
  for (let round = 0; round < 4; round++)
    for (const one of history.models) {
      one.request(2_000);
      history.pass(100, () => history.checkBudget());
    }
  history.pass(60_000, () => history.checkBudget());
  expect(history.models.map(({ waitsMs }) => waitsMs.length)).toEqual([4, 4, 4]);
  expect(history.models.map(({ evictions }) => evictions)).toEqual([1, 1, 0]);
});
