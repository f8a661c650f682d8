import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ActivationSettings } from '../../src/activation/settings.ts';
import { FakeSleeper } from '../support/fake-sleeper.ts';
import { Harness, withScale } from './harness.ts';

type Step = readonly [action: string, n: number];

const rungs = [
  { name: 'level 1', afterMs: 1_000, cost: 0.5 },
  { name: 'level 2', afterMs: 5_000, cost: 0.1 },
];
const settings = (scale: Partial<ActivationSettings['scale']> = {}): ActivationSettings => ({
  ...withScale({ max: 3, idleMs: 20_000, ...scale }),
  ladder: rungs,
});

interface Rig {
  readonly h: Harness;
  readonly sleeper: FakeSleeper;
}

const deeds = ['sleep', 'wake', 'ask', 'wake 0', 'sleep 1'] as const;

const actions: Record<string, (rig: Rig, n: number) => unknown> = {
  enter: ({ h }) => h.gate.open.length === 0 && h.enter(),
  demand: ({ h }, n) => {
    if (h.gate.open.length === 0) return;
    h.gate.waiting += n;
    h.activator.demand();
  },
  leave: ({ h }) => {
    h.gate.waiting = 0;
  },
  spawn: ({ h }) => h.driver.living.forEach((id) => void h.driver.run(id)),
  exit: ({ h }, n) => h.driver.living[n] && h.driver.exit(h.driver.living[n]),
  endStopping: ({ h }) => h.driver.endStopping(),
  probe: ({ h }, n) => {
    h.prober.state = (['unreachable', 'loading', 'ready', 'ready'] as const)[n] ?? 'ready';
  },
  work: ({ h }, n) => h.gate.open[0] && h.gate.run(h.gate.open[0], n),
  rest: ({ h }) => [...h.gate.replicas.keys()].forEach((id) => void h.gate.run(id, 0)),
  warm: ({ h }) => h.activator.warm(),
  stop: ({ h }) => h.activator.stop(),
  pause: ({ h }) => h.activator.pause(),
  resume: ({ h }) => h.activator.resume(),
  hang: ({ sleeper }, n) => sleeper.faults.set(deeds[n] ?? 'wake', 'hang'),
  fail: ({ sleeper }, n) => sleeper.faults.set(deeds[n] ?? 'wake', 'fail'),
  release: ({ sleeper }) => sleeper.release(),
  min: ({ h }, n) => h.activator.configure(settings({ min: n % 2 })),
  noLadder: ({ h }) => h.activator.configure(withScale({ max: 3, idleMs: 20_000 })),
  ladder: ({ h }) => h.activator.configure(settings()),
  lose: ({ h }) => h.leadership.lose(),
  gain: ({ h }) => h.leadership.gain(),
  advance: ({ h }, n) => h.clock.advance([5, 700, 2_000, 8_000, 70_000][n] ?? 1),
};

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.oneof(
    fc.constantFrom(...Object.keys(actions)),
    fc.constantFrom('advance', 'advance', 'spawn', 'enter', 'leave', 'rest', 'gain', 'resume', 'ladder'),
  ),
  fc.nat(4),
);

/** What was asked of the sleeper for replicas that were at work, or past another move of the same replica. */
function watchMoves({ h, sleeper }: Rig): string[] {
  const wrong: string[] = [];
  const moving = new Set<string>();
  for (const deed of ['sleep', 'wake', 'rungOf'] as const) {
    const move = sleeper[deed].bind(sleeper) as (...args: unknown[]) => Promise<never>;
    const watched = async (...args: [{ id: string }, ...unknown[]]) => {
      const [{ id }] = args;
      if (deed === 'sleep' && h.gate.inFlightOf(id) > 0) wrong.push(`${id} was put to sleep at work`);
      if (deed === 'sleep' && !h.leadership.isLeader) wrong.push(`${id} was put to sleep on standby`);
      if (deed !== 'rungOf' && h.gate.open.includes(id)) wrong.push(`${deed} of ${id}, which takes requests`);
      if (moving.has(id)) wrong.push(`${deed} of ${id} within another move`);
      moving.add(id);
      try {
        return await move(...args);
      } finally {
        moving.delete(id);
      }
    };
    Object.assign(sleeper, { [deed]: watched });
  }
  return wrong;
}

function expectSound({ h, sleeper }: Rig): void {
  const states = h.activator.snapshot().replicas.map(({ state }) => state);
  expect(h.gate.open.every((id) => h.driver.living.includes(id))).toBe(true);
  expect(h.gate.open.filter((id) => sleeper.rungs.has(id))).toEqual([]);
  expect(h.prober.peak).toBeLessThanOrEqual(1);
  if (h.state === 'paused') return;
  expect(h.state === 'ready').toBe(h.gate.open.length > 0);
  if (h.state === 'asleep')
    expect(states.some((state) => state === 'asleep' || state === 'dozing')).toBe(true);
  if (h.state === 'cold') expect(states.filter((state) => state === 'asleep')).toEqual([]);
}

/** Whatever happened, a request is served in the end by a backend and hooks that work. */
async function expectServed(rig: Rig): Promise<void> {
  const { h, sleeper } = rig;
  sleeper.release();
  h.leadership.gain();
  h.activator.configure(settings());
  h.activator.resume();
  h.prober.state = 'ready';
  for (let tries = 0; tries < 5 && h.gate.open.length === 0; tries++) {
    h.enter();
    h.driver.endStopping();
    if (h.driver.replacesLost) h.driver.control();
    h.driver.publish();
    for (const id of h.driver.living) h.driver.run(id);
    await h.clock.advance(2_000);
    // A start that failed is tried again after its back-off, and one that does not end is given up after 30 s.
    if (h.gate.open.length === 0) await h.clock.advance(67_000);
  }
  expect(h.gate.open.length).toBeGreaterThan(0);
  await h.activator.close();
  expect(h.clock.pendingTimers).toBe(0);
  await h.clock.settle();
  expect([h.prober.pending, sleeper.hanging, h.leadership.listeners]).toEqual([0, 0, 0]);
}

it.each([
  ['ends and starts replicas', { canReplace: true }],
  ['keeps a count', { replacesLost: true, canReplace: false }],
] as const)(
  'holds its promises with a ladder, whatever happens, where the driver %s',
  async (_driver, driver) => {
    const runs = fc.asyncProperty(
      fc.array(step, { minLength: 30, maxLength: 80 }),
      fc.boolean(),
      async (steps, canTell) => {
        const sleeper = new FakeSleeper();
        sleeper.canTell = canTell;
        const rig = { h: new Harness(settings(), driver, { sleeper }), sleeper };
        const wrong = watchMoves(rig);
        for (const [action, n] of steps) {
          await actions[action]!(rig, n);
          await rig.h.clock.settle();
          expect(wrong).toEqual([]);
          expectSound(rig);
        }
        await expectServed(rig);
      },
    );
    await fc.assert(runs, { numRuns: 150 });
  },
);
