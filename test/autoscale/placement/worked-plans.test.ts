import { expect, it } from 'vitest';
import { plan } from '../../../src/autoscale/placement/plan.ts';
import type { TenantState, World } from '../../../src/autoscale/placement/world.ts';
import { busy, gib, holding, idle, needsOf, tenant, wanted, world } from './worlds.ts';

interface Expected {
  /** `model@gpus`. */
  readonly granted?: readonly string[];
  /** Keys of replicas. */
  readonly evicted?: readonly string[];
  readonly waits?: Readonly<Record<string, string>>;
}

type Case = readonly [name: string, world: World, expected: Expected];

const swapped = (name: string, isPersistent = false) => ({
  name,
  isSwapped: true,
  isExclusive: false,
  isPersistent,
});
const exclusive = { name: 'alone', isSwapped: false, isExclusive: true, isPersistent: false };
const persistent = { name: 'small', isSwapped: false, isExclusive: false, isPersistent: true };
const starting = (id: string, more: Partial<TenantState> = {}) =>
  tenant(id, { holdings: [holding(`${id}#1`, ['0'], needsOf(20), { state: 'starting' })], ...more });

// All at 100 s; maxPass is 30 s.
const cases: readonly Case[] = [
  ['an empty GPU is given', world([24], [wanted('a', 99_000)]), { granted: ['a@0'] }],
  [
    'of two GPUs the one with the least left over is given',
    world([80, 24], [wanted('a', 99_000)]),
    { granted: ['a@1'] },
  ],
  [
    'two small ones share a GPU',
    world([24], [busy('b', ['0'], { needs: needsOf(10) }), wanted('a', 99_000, { needs: needsOf(14) })]),
    { granted: ['a@0'] },
  ],
  [
    'an idle one goes, and what it held is not given before it is gone',
    world([24], [idle('b', ['0']), wanted('a', 99_000)]),
    { evicted: ['b#1'], waits: { a: 'waits for 20 GiB on a GPU: b is idle' } },
  ],
  [
    'one that goes already is waited for, and nobody else goes',
    world(
      [24, 24],
      [
        tenant('b', { holdings: [holding('b#1', ['0'], needsOf(20), { state: 'ending' })] }),
        idle('c', ['1']),
        wanted('a', 99_000),
      ],
    ),
    { waits: { a: 'waits for 20 GiB on a GPU: b ends, c is idle' } },
  ],
  [
    'a busy one is waited for',
    world([24], [busy('b', ['0']), wanted('a', 99_000)]),
    { waits: { a: 'waits for 20 GiB on a GPU: b is busy' } },
  ],
  [
    'a busy one takes no new request once somebody was passed for maxPass',
    world([24], [busy('b', ['0']), wanted('a', 70_000)]),
    { evicted: ['b#1'], waits: { a: 'waits for 20 GiB on a GPU: b is busy' } },
  ],
  [
    'but not before those who waited when its turn began were served',
    world([24], [busy('b', ['0'], { isTurnOver: false }), wanted('a', 10_000)]),
    { waits: { a: 'waits for 20 GiB on a GPU: b is busy' } },
  ],
  [
    'one that starts is waited for however long it takes',
    world([24], [starting('b', { waiting: 1, idleSinceMs: null }), wanted('a', 10_000)]),
    { waits: { a: 'waits for 20 GiB on a GPU: b is starting' } },
  ],
  [
    'one that starts goes when whoever wanted it has left',
    world([24], [starting('b', { idleSinceMs: 50_000 }), wanted('a', 99_000)]),
    { evicted: ['b#1'], waits: { a: 'waits for 20 GiB on a GPU: b is starting' } },
  ],
  [
    'the one that was used last stays',
    world(
      [24, 24],
      [
        idle('b', ['0'], { idleSinceMs: 90_000 }),
        idle('c', ['1'], { idleSinceMs: 10_000 }),
        wanted('a', 99_000),
      ],
    ),
    { evicted: ['c#1'], waits: { a: 'waits for 20 GiB on a GPU: b is idle, c is idle' } },
  ],
  [
    'the one that takes long to come back stays',
    world(
      [24, 24],
      [idle('b', ['0'], { startMs: 5_000 }), idle('c', ['1'], { startMs: 300_000 }), wanted('a', 99_000)],
    ),
    { evicted: ['b#1'], waits: { a: 'waits for 20 GiB on a GPU: b is idle, c is idle' } },
  ],
  [
    'the one that is expected soon stays',
    world(
      [24, 24],
      [
        idle('b', ['0'], { returnAtMs: 110_000 }),
        idle('c', ['1'], { returnAtMs: 9_000_000 }),
        wanted('a', 99_000),
      ],
    ),
    { evicted: ['c#1'], waits: { a: 'waits for 20 GiB on a GPU: b is idle, c is idle' } },
  ],
  [
    'one that frees enough goes rather than two',
    world(
      [24, 24],
      [
        idle('b', ['0'], { needs: needsOf(10) }),
        idle('c', ['0'], { needs: needsOf(10) }),
        idle('d', ['1']),
        wanted('a', 99_000),
      ],
    ),
    { evicted: ['d#1'], waits: { a: 'waits for 20 GiB on a GPU: b is idle, c is idle and 1 more' } },
  ],
  [
    'two little ones go where they are worth less than the big one',
    world(
      [24, 24],
      [
        idle('b', ['0'], { needs: needsOf(10), startMs: 1_000 }),
        idle('c', ['0'], { needs: needsOf(10), startMs: 1_000 }),
        idle('d', ['1']),
        wanted('a', 99_000),
      ],
    ),
    { evicted: ['b#1', 'c#1'], waits: { a: 'waits for 20 GiB on a GPU: b is idle, c is idle and 1 more' } },
  ],
  [
    'nobody goes in vain: the idle one stays where a busy one is in the way as well',
    world(
      [24],
      [
        busy('b', ['0'], { needs: needsOf(12) }),
        idle('c', ['0'], { needs: needsOf(12) }),
        wanted('a', 99_000),
      ],
    ),
    { waits: { a: 'waits for 20 GiB on a GPU: b is busy, c is idle' } },
  ],
  [
    'several GPUs are given at once or not at all',
    world([24, 24], [busy('b', ['0']), wanted('a', 99_000, { needs: needsOf(20, 2) })]),
    { waits: { a: 'waits for 20 GiB on each of 2 GPUs: b is busy' } },
  ],
  [
    'a small one passes a big one that waits',
    world([24, 24], [busy('b', ['0']), wanted('a', 90_000, { needs: needsOf(20, 2) }), wanted('c', 99_000)]),
    { granted: ['c@1'], waits: { a: 'waits for 20 GiB on each of 2 GPUs: b is busy' } },
  ],
  [
    'but not any more when the big one was passed for maxPass',
    world(
      [24, 24],
      [
        busy('b', ['0'], { isTurnOver: false }),
        wanted('a', 60_000, { needs: needsOf(20, 2) }),
        wanted('c', 99_000),
      ],
    ),
    {
      waits: {
        a: 'waits for 20 GiB on each of 2 GPUs: b is busy',
        c: 'waits for 20 GiB on a GPU: b is busy, a goes first',
      },
    },
  ],
  [
    'what was made free for one is not given to another that fits now',
    world(
      [24],
      [
        tenant('b', {
          needs: needsOf(14),
          holdings: [holding('b#1', ['0'], needsOf(14), { state: 'ending' })],
        }),
        wanted('a', 90_000),
        wanted('c', 99_000, { needs: needsOf(8) }),
      ],
    ),
    {
      waits: {
        a: 'waits for 20 GiB on a GPU: b ends',
        c: 'waits for 8 GiB on a GPU: b ends, a goes first',
      },
    },
  ],
  [
    'nobody goes for one that nobody waits for',
    world(
      [24],
      [idle('b', ['0']), tenant('a', { claim: { missing: 1, sinceMs: 0, order: 0, isUrgent: false } })],
    ),
    { waits: { a: 'waits for 20 GiB on a GPU: b is idle' } },
  ],
  [
    'one that was asked for by name has idle ones go, and no busy one',
    world(
      [24, 24],
      [
        idle('b', ['0']),
        busy('c', ['1']),
        tenant('a', { claim: { missing: 2, sinceMs: 0, order: 0, isUrgent: true } }),
      ],
    ),
    { evicted: ['b#1'], waits: { a: 'waits for 20 GiB on a GPU: b is idle, c is busy' } },
  ],
  [
    'a persistent one never goes',
    world([24], [idle('b', ['0'], { group: persistent }), wanted('a', 0)]),
    { waits: { a: 'waits for 20 GiB on a GPU: b is kept' } },
  ],
  [
    'nor one that others own or use',
    world([24], [idle('b', ['0'], { isKept: true }), wanted('a', 0)]),
    { waits: { a: 'waits for 20 GiB on a GPU: b is kept' } },
  ],
  [
    'nor one that scale.min keeps',
    world([24], [idle('b', ['0'], { min: 1 }), wanted('a', 0)]),
    { waits: { a: 'waits for 20 GiB on a GPU: b is kept' } },
  ],
  [
    'but for one of its group that may not run beside it',
    world(
      [80],
      [idle('b', ['0'], { min: 1, group: swapped('g') }), wanted('a', 99_000, { group: swapped('g') })],
    ),
    { evicted: ['b#1'], waits: { a: 'waits for its turn in group g: b is idle' } },
  ],
  [
    'of a swapped group one goes for the other though there is room',
    world([80], [idle('b', ['0'], { group: swapped('g') }), wanted('a', 99_000, { group: swapped('g') })]),
    { evicted: ['b#1'], waits: { a: 'waits for its turn in group g: b is idle' } },
  ],
  [
    'in a persistent group as well',
    world(
      [80],
      [idle('b', ['0'], { group: swapped('g', true) }), wanted('a', 99_000, { group: swapped('g', true) })],
    ),
    { evicted: ['b#1'], waits: { a: 'waits for its turn in group g: b is idle' } },
  ],
  [
    'of two of a swapped group that are asked for one starts',
    world([80], [wanted('a', 90_000, { group: swapped('g') }), wanted('b', 99_000, { group: swapped('g') })]),
    { granted: ['a@0'], waits: { b: 'waits for its turn in group g: a goes first' } },
  ],
  [
    'an exclusive one makes all others go but the persistent ones',
    world(
      [80, 80],
      [idle('b', ['0']), idle('c', ['1'], { group: persistent }), wanted('a', 99_000, { group: exclusive })],
    ),
    { evicted: ['b#1'], waits: { a: 'waits for its turn in group alone: b is idle, c is kept' } },
  ],
  [
    'beside an exclusive one nobody else starts',
    world([80], [busy('b', ['0'], { group: exclusive }), wanted('a', 99_000)]),
    { waits: { a: 'waits for its turn: b is busy' } },
  ],
  [
    'no more start at a time than may',
    world([24, 24], [starting('b', { waiting: 1, idleSinceMs: null }), wanted('a', 0)], { maxStarting: 1 }),
    { waits: { a: 'waits for its turn to start: 1 replica starts' } },
  ],
  [
    "the host's memory is a budget as well",
    world(
      [80],
      [busy('b', ['0'], { needs: needsOf(10, 1, 40) }), wanted('a', 99_000, { needs: needsOf(10, 1, 40) })],
      {
        hostBytes: 64 * gib,
      },
    ),
    { waits: { a: "waits for 40 GiB of the host's memory: b is busy" } },
  ],
  [
    "idle ones go for the host's memory",
    world(
      [80],
      [idle('b', ['0'], { needs: needsOf(10, 1, 40) }), wanted('a', 99_000, { needs: needsOf(10, 0, 40) })],
      {
        hostBytes: 64 * gib,
      },
    ),
    { evicted: ['b#1'], waits: { a: "waits for 40 GiB of the host's memory: b is idle" } },
  ],
  [
    'a whole GPU is shared with nobody',
    world([24], [busy('b', ['0'], { needs: needsOf(1) }), wanted('a', 99_000, { needs: needsOf(null) })]),
    { waits: { a: 'waits for a GPU: b is busy' } },
  ],
  [
    'one that can never fit holds up nobody',
    world([24], [wanted('a', 0, { needs: needsOf(40) }), wanted('b', 99_000)]),
    { granted: ['b@0'], waits: { a: 'waits for 40 GiB on a GPU: there is none' } },
  ],
  [
    'the first replica of one goes before the second of another',
    world(
      [24, 24],
      [
        busy('b', ['0'], {
          waiting: 5,
          claim: { missing: 1, sinceMs: 10_000, order: 10_000, isUrgent: true },
        }),
        wanted('a', 99_000),
      ],
    ),
    { granted: ['a@1'], waits: { b: 'waits for 20 GiB on a GPU: a goes first' } },
  ],
  [
    'an idle replica of a busy model may go',
    world(
      [24, 24],
      [
        busy('b', ['0'], {
          holdings: [holding('b#1', ['0'], needsOf(20), { inFlight: 1 }), holding('b#2', ['1'], needsOf(20))],
        }),
        wanted('a', 99_000),
      ],
    ),
    { evicted: ['b#2'], waits: { a: 'waits for 20 GiB on a GPU: b is busy' } },
  ],
];

const atMs = 100_000;

it.each(cases)('%s', (_name, one, { granted = [], evicted = [], waits = {} }) => {
  const made = plan(one, atMs);
  expect({
    granted: made.grants.map(({ tenantId, place }) => `${tenantId}@${place.gpus.join('+')}`),
    evicted: made.evictions.flatMap(({ keys }) => keys).toSorted(),
    waits: Object.fromEntries(made.waits),
  }).toEqual({ granted, evicted, waits });
});

it('takes memory for free when it was measured to be, less what those that start will take', () => {
  const measured = (freeGib: number, tenants: readonly TenantState[]) => {
    const one = world([48], tenants);
    return plan({ ...one, gpus: one.gpus.map((gpu) => ({ ...gpu, freeBytes: freeGib * gib })) }, atMs);
  };
  expect(measured(20, [wanted('a', 99_000)]).grants).toHaveLength(1);
  const late = measured(12, [wanted('a', 99_000)]);
  expect(late.grants).toEqual([]);
  expect(late.waits.get('a')).toBe('waits for 20 GiB on a GPU: it is on its way to be free');
  expect(measured(30, [starting('b'), wanted('a', 99_000)]).grants).toEqual([]);
  expect(measured(41, [starting('b'), wanted('a', 99_000)]).grants).toHaveLength(1);
});

it('counts what others use as taken, and has another idle one go for it', () => {
  const one = world([48], [idle('b', ['0']), wanted('a', 99_000)]);
  expect(plan(one, atMs).grants).toHaveLength(1);
  const used = { ...one, gpus: one.gpus.map((gpu) => ({ ...gpu, othersBytes: 12 * gib })) };
  expect(plan(used, atMs).evictions).toEqual([{ tenantId: 'b', keys: ['b#1'], forModel: 'a' }]);
  const alone = {
    ...used,
    gpus: used.gpus.map((gpu) => ({ ...gpu, othersBytes: 30 * gib })),
    tenants: [wanted('a', 0)],
  };
  expect(plan(alone, atMs).waits.get('a')).toBe('waits for 20 GiB on a GPU: others use 30 GiB of GPU 0');
});

it('says when a busy one may be made to go', () => {
  expect(plan(world([24], [busy('b', ['0']), wanted('a', 90_000)]), atMs).nextAtMs).toBe(120_000);
});

it('gives one that drains back to its own, unless somebody else was promised its room', () => {
  const back = tenant('b', {
    holdings: [holding('b#1', ['0'], needsOf(20), { state: 'draining', inFlight: 1 })],
    claim: { missing: 1, sinceMs: 99_000, order: 99_000, isUrgent: true },
    waiting: 1,
    inFlight: 1,
    idleSinceMs: null,
  });
  expect(plan(world([24], [back]), atMs).revivals).toEqual([{ tenantId: 'b', key: 'b#1' }]);
  const passed = plan(world([24], [back, wanted('a', 60_000)]), atMs);
  expect(passed.revivals).toEqual([]);
  expect([...passed.waits.keys()]).toEqual(['a', 'b']);
});
