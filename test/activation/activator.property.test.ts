import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Harness, withScale } from './harness.ts';

type Step = readonly [action: string, n: number];

const actions: Record<string, (h: Harness, n: number) => unknown> = {
  enter: (h) => h.gate.open.length === 0 && h.enter(),
  demand: (h, n) => {
    if (h.gate.open.length === 0) return;
    h.gate.waiting += n;
    h.activator.demand();
  },
  leave: (h) => {
    h.gate.waiting = 0;
  },
  spawn: (h) => h.driver.living.forEach((id) => void h.driver.run(id)),
  exit: (h, n) => h.driver.living[n] && h.driver.exit(h.driver.living[n]),
  endStopping: (h) => h.driver.endStopping(),
  probe: (h, n) => {
    h.prober.state = (['unreachable', 'loading', 'ready', 'ready'] as const)[n] ?? 'ready';
  },
  work: (h, n) => h.gate.open[0] && h.gate.run(h.gate.open[0], n),
  rest: (h) => [...h.gate.replicas.keys()].forEach((id) => void h.gate.run(id, 0)),
  report: (h, n) =>
    h.gate.open[0] &&
    h.activator.report(h.gate.open[0], (['refused', 'loading', 'reset', 'answered'] as const)[n] ?? 'reset'),
  warm: (h) => h.activator.warm(),
  stop: (h) => h.activator.stop(),
  pause: (h) => h.activator.pause(),
  resume: (h) => h.activator.resume(),
  advance: (h, n) => h.clock.advance([5, 100, 2_000, 15_000, 70_000][n] ?? 1),
};

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.oneof(fc.constantFrom(...Object.keys(actions)), fc.constantFrom('advance', 'spawn', 'enter', 'work')),
  fc.nat(4),
);

const busyOf = (h: Harness) => h.gate.open.filter((id) => h.gate.inFlightOf(id) > 0);

it('holds its promises whatever happens in whatever order', async () => {
  const drivers = fc.record({ canReplace: fc.boolean() });
  const runs = fc.asyncProperty(
    fc.array(step, { minLength: 30, maxLength: 80 }),
    drivers,
    async (steps, driver) => {
      const h = new Harness(withScale({ max: 3, idleMs: 10_000 }), driver);
      for (const [action, n] of steps) {
        const busy = busyOf(h);
        await actions[action]!(h, n);
        await h.clock.settle();
        expect(h.driver.living.length).toBeLessThanOrEqual(3);
        const ended = h.driver.requests.flatMap(({ victims = [] }) => victims);
        expect(busy.filter((id) => h.gate.inFlightOf(id) > 0 && ended.includes(id))).toEqual([]);
        if (h.state === 'starting') expect(h.driver.living).not.toEqual([]);
        expect(h.gate.open.every((id) => h.driver.living.includes(id))).toBe(true);
        expect(h.state === 'ready').toBe(h.gate.open.length > 0 && h.state !== 'paused');
        expect(h.prober.peak).toBeLessThanOrEqual(1);
      }
      // Whatever happened, a request is served in the end by a backend that works.
      h.activator.resume();
      h.prober.state = 'ready';
      h.driver.endStopping();
      for (const id of h.driver.living) h.driver.run(id);
      await h.clock.advance(2_000);
      // A start that fails meanwhile renews the back-off: 60 s at the longest, and up to a tenth more.
      for (let tries = 0; tries < 3 && h.gate.open.length === 0; tries++) {
        await h.clock.advance(67_000);
        h.enter();
        for (const id of h.driver.living) h.driver.run(id);
        await h.clock.advance(2_000);
      }
      expect(h.gate.open.length).toBeGreaterThan(0);
      await h.activator.close();
      expect(h.clock.pendingTimers).toBe(0);
      await h.clock.settle();
      expect(h.prober.pending).toBe(0);
    },
  );
  await fc.assert(runs, { numRuns: 150 });
});

const kept: Record<string, (h: Harness, n: number) => unknown> = {
  ...Object.fromEntries(Object.entries(actions).filter(([name]) => name !== 'leave')),
  enter: (h) => h.gate.open.length === 0 && h.gate.waiting < 50 && h.enter(),
  exit: (h, n) => h.driver.living[n] && h.driver.exit(h.driver.living[n]),
  fail: (h, n) =>
    h.driver.living[n] && h.driver.change(h.driver.living[n], { phase: 'exited', reason: 'crash' }),
  replace: (h) => {
    h.driver.control();
    h.driver.publish();
  },
  surge: (h) =>
    h.driver.living.length < 5 && h.driver.told.removal !== 'highest-ordinal' && h.driver.run(h.driver.add()),
  evict: (h, n) => h.driver.living[n] && h.driver.change(h.driver.living[n], { phase: 'stopping' }),
  others: (h, n) => h.driver.byOthers(n + 1),
  stale: (h) => {
    h.driver.told = { ...h.driver.told, isStale: true };
    h.driver.publish();
  },
  fresh: (h) => {
    h.driver.told = { ...h.driver.told, isStale: false };
    h.driver.publish();
  },
  lose: (h) => h.leadership.lose(),
  gain: (h, n) => h.leadership.gain(h.clock.nowMs() + n * 5_000),
  late: (h, n) => {
    h.driver.isLate = n > 2;
  },
};

const keptStep: fc.Arbitrary<Step> = fc.tuple(
  fc.oneof(
    fc.constantFrom(...Object.keys(kept)),
    fc.constantFrom('advance', 'spawn', 'enter', 'work', 'replace', 'fresh', 'gain', 'rest'),
  ),
  fc.nat(4),
);

/** What was asked of the driver, against what was allowed at that moment. */
function watchWrites(h: Harness) {
  const scale = h.driver.scale.bind(h.driver);
  const wrong: string[] = [];
  let seen = h.driver.desired;
  const publish = h.driver.publish.bind(h.driver);
  h.driver.publish = () => {
    if (!h.driver.told.isStale) seen = h.driver.desired;
    publish();
  };
  h.driver.scale = (target, request) => {
    const { replicas, victims = [] } = request;
    const { isLeader, lowersFromMs } = h.leadership;
    const { removal, isStale } = h.driver.told;
    const busy = h.driver.living.filter((id) => h.gate.inFlightOf(id) > 0);
    if (!isLeader) wrong.push('written on standby');
    // What others did out of sight is for the driver to find out, by the version that a write carries.
    if (isStale && h.driver.desired !== seen) return Promise.reject(new Error('conflict'));
    seen = replicas;
    if (replicas > h.driver.desired && replicas > 3) wrong.push(`raised to ${replicas}, above max`);
    if (replicas < h.driver.desired) {
      if (isStale) wrong.push('lowered while stale');
      if (h.clock.nowMs() < lowersFromMs) wrong.push('lowered before its time');
      if (removal === 'unknown' && busy.length > 0) wrong.push('lowered while somebody was busy');
    }
    const ordinalOf = (id: string) => h.driver.statusOf(id)?.ordinal ?? -1;
    const fromTop = h.driver.living.toSorted((a, b) => ordinalOf(b) - ordinalOf(a));
    const surplus = fromTop.slice(0, Math.max(0, fromTop.length - replicas));
    const isLowered = removal === 'highest-ordinal' && replicas < h.driver.desired;
    if (isLowered && surplus.some((id) => busy.includes(id))) wrong.push('ended a busy one by its ordinal');
    if (removal === 'victims' && victims.some((id) => busy.includes(id))) wrong.push('ended a busy one');
    return scale(target, request);
  };
  return wrong;
}

it('holds them too with a count that a platform keeps, others change, and a lease guards', async () => {
  const runs = fc.asyncProperty(
    fc.array(keptStep, { minLength: 30, maxLength: 80 }),
    fc.constantFrom('victims' as const, 'unknown' as const, 'highest-ordinal' as const),
    async (steps, removal) => {
      const h = new Harness(withScale({ max: 3, idleMs: 10_000 }), { replacesLost: true, canReplace: false });
      h.driver.told = { removal, isStale: false };
      const wrong = watchWrites(h);
      for (const [action, n] of steps) {
        const { waiting } = h.gate;
        const told = h.gate.failures.length;
        await kept[action]!(h, n);
        await h.clock.settle();
        expect(wrong).toEqual([]);
        // Nobody who waits is lost without a word.
        if (h.gate.waiting < waiting) expect(h.gate.failures.length).toBeGreaterThan(told);
        expect(h.gate.open.every((id) => h.driver.living.includes(id))).toBe(true);
        expect(h.prober.peak).toBeLessThanOrEqual(1);
      }
      // Whatever happened, a request is served in the end by a platform that works.
      h.driver.isLate = false;
      h.leadership.gain();
      kept.fresh!(h, 0);
      h.activator.resume();
      h.prober.state = 'ready';
      for (let tries = 0; tries < 5 && h.gate.open.length === 0; tries++) {
        h.enter();
        h.driver.endStopping();
        kept.replace!(h, 0);
        for (const id of h.driver.living) h.driver.run(id);
        await h.clock.advance(2_000);
        if (h.gate.open.length === 0) await h.clock.advance(67_000);
      }
      expect(h.gate.open.length).toBeGreaterThan(0);
      await h.activator.close();
      expect(h.clock.pendingTimers).toBe(0);
      expect(h.leadership.listeners).toBe(0);
    },
  );
  await fc.assert(runs, { numRuns: 150 });
});
