import { describe, expect, it } from 'vitest';
import type { ActivationSettings } from '../../src/activation/settings.ts';
import type { LoadGauge } from '../../src/core/load-gauge.ts';
import { FakeSleeper } from '../support/fake-sleeper.ts';
import { Harness, withScale } from './harness.ts';

const ladder = [
  { name: 'level 1', afterMs: 10_000, cost: 0.5 },
  { name: 'level 2', afterMs: 60_000, cost: 0.1 },
];
const settings = (scale: Partial<ActivationSettings['scale']> = {}): ActivationSettings => ({
  ...withScale({ max: 3, idleMs: 300_000, ...scale }),
  ladder,
});

const noLoad = { waiting: null, running: null, kvCache: null };

interface Rig {
  readonly h: Harness;
  readonly sleeper: FakeSleeper;
}

async function up(given = settings(), gauge: LoadGauge | null = null): Promise<Rig> {
  const sleeper = new FakeSleeper();
  const h = new Harness(given, {}, { sleeper, gauge });
  await h.bringUp();
  return { h, sleeper };
}

async function asleep(given = settings()): Promise<Rig> {
  const rig = await up(given);
  await rig.h.clock.advance(10_000);
  expect(statesOf(rig.h)).toEqual(['asleep']);
  return rig;
}

const statesOf = (h: Harness) => h.activator.snapshot().replicas.map(({ state }) => state);

describe('an idle model', () => {
  it('goes down rung by rung, keeps its replica, and stops in the end', async () => {
    const { h, sleeper } = await up();
    await h.clock.advance(9_000);
    expect([h.state, sleeper.asked]).toEqual(['ready', []]);
    await h.clock.advance(1_000);
    expect([h.state, statesOf(h), h.gate.open]).toEqual(['asleep', ['asleep'], []]);
    expect(h.event('asleep')).toMatchObject({ replicaId: 'r1', rung: 'level 1' });
    expect(h.activator.snapshot().decision).toBe('asleep (level 1): idle for 10s');
    await h.clock.advance(50_000);
    expect(sleeper.asked).toEqual(['sleep r1 0', 'sleep r1 1']);
    expect(h.driver.counts).toEqual([1]);
    await h.clock.advance(240_000);
    expect(h.driver.counts).toEqual([1, 0]);
    h.driver.endStopping();
    await h.clock.settle();
    expect(h.state).toBe('cold');
  });

  it('is not probed while it sleeps', async () => {
    const { h } = await asleep();
    const { count } = h.prober;
    await h.clock.advance(40_000);
    expect(h.prober.count).toBe(count);
  });

  it('keeps min awake', async () => {
    const { h, sleeper } = await up(settings({ min: 1 }));
    h.gate.run('r1', 2);
    h.gate.waiting = 2;
    h.activator.demand();
    await h.clock.settle();
    h.driver.run('r2');
    await h.clock.advance(1_000);
    h.gate.waiting = 0;
    h.gate.run('r1', 0);
    await h.clock.advance(61_000);
    expect(sleeper.asked).toHaveLength(2);
    expect(h.gate.open).toHaveLength(1);
  });

  it('is asked by its gauges first whether it works for others, and stays awake then', async () => {
    let running = 2;
    const gauge = { read: async () => ({ ...noLoad, running }) };
    const { h, sleeper } = await up({ ...settings(), asksGauge: true }, gauge);
    await h.clock.advance(11_000);
    expect([h.gate.open, sleeper.asked]).toEqual([['r1'], []]);
    expect(h.activator.snapshot().decision).toBe('kept: 2 running past the gateway');
    running = 0;
    await h.clock.advance(31_000);
    expect([h.gate.open, sleeper.asked]).toEqual([[], ['sleep r1 0']]);
  });

  it('is not put to sleep by who does not lead, nor while the one that led may still serve', async () => {
    const { h, sleeper } = await up();
    h.leadership.lose();
    await h.clock.advance(20_000);
    expect(sleeper.asked).toEqual([]);
    h.leadership.gain(h.clock.nowMs() + 30_000);
    await h.clock.advance(29_000);
    expect(sleeper.asked).toEqual(['ask r1']);
    await h.clock.advance(2_000);
    expect(sleeper.asked).toEqual(['ask r1', 'sleep r1 0']);
  });
});

describe('a request for a model that sleeps', () => {
  it('wakes it, and is let in when it has passed its probe', async () => {
    const { h, sleeper } = await asleep();
    h.prober.state = 'loading';
    expect(h.enter()).toBeNull();
    expect([h.state, statesOf(h)]).toEqual(['starting', ['waking']]);
    expect(h.activator.wakeInfo().step).toBe('waking from level 1');
    await h.clock.advance(500);
    expect([sleeper.asked.at(-1), h.gate.open]).toEqual(['wake r1 0', []]);
    h.prober.state = 'ready';
    await h.clock.advance(500);
    expect([h.state, h.gate.open]).toEqual(['ready', ['r1']]);
    expect(h.driver.counts).toEqual([1]);
    expect(h.event('awake')).toMatchObject({ replicaId: 'r1', rung: 'level 1' });
    expect(h.typesOf()).not.toContain('reinstated');
  });

  it('is told how long that took so far, and not how long a start takes', async () => {
    const { h } = await asleep();
    h.prober.state = 'loading';
    h.enter();
    await h.clock.advance(2_000);
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    const { wakeMs = 0 } = h.event('awake') ?? {};
    expect(wakeMs).toBeGreaterThanOrEqual(2_000);
    h.gate.waiting = 0;
    await h.clock.advance(13_000);
    expect(statesOf(h)).toEqual(['asleep']);
    h.prober.state = 'loading';
    h.enter();
    await h.clock.advance(500);
    expect(h.activator.wakeInfo().etaMs).toBeCloseTo(wakeMs - 500, 0);
  });

  it('is refused as one that would not make it only by what waking takes', async () => {
    const { h } = await up(settings({ minUpMs: 0 }));
    for (let starts = 0; starts < 6; starts++) {
      await h.takeDown();
      await h.bringUp(30_000);
    }
    await h.clock.advance(20_000);
    expect(statesOf(h)).toEqual(['asleep']);
    const wake = async () => {
      expect(h.enter(h.clock.nowMs() + 5_000)).toBeNull();
      await h.clock.advance(1_000);
      h.gate.waiting = 0;
      await h.clock.advance(15_000);
    };
    for (let wakes = 0; wakes < 6; wakes++) await wake();
    expect(h.enter(h.clock.nowMs() + 100)).toBeNull();
    expect(statesOf(h)).toEqual(['waking']);
  });

  it('wakes as many as the requests fill, the least deep first', async () => {
    const { h, sleeper } = await up();
    h.gate.run('r1', 2);
    h.gate.waiting = 4;
    h.activator.demand();
    await h.clock.settle();
    for (const id of h.driver.living) h.driver.run(id);
    await h.clock.advance(1_000);
    h.gate.waiting = 0;
    h.gate.run('r1', 0);
    sleeper.faults.set('sleep 1', 'hang');
    await h.clock.advance(61_000);
    expect(statesOf(h)).toEqual(['dozing', 'dozing', 'dozing']);
    h.driver.exit('r3');
    sleeper.release();
    await h.clock.settle();
    expect(statesOf(h)).toEqual(['asleep', 'asleep']);
    h.enter();
    await h.clock.advance(1_000);
    expect(sleeper.asked.filter((text) => text.startsWith('wake'))).toHaveLength(1);
    expect(h.gate.open).toHaveLength(1);
    expect(h.driver.counts.at(-1)).toBe(3);
  });

  it('wakes one that is about to sleep right after', async () => {
    const { h, sleeper } = await up();
    sleeper.faults.set('sleep', 'hang');
    await h.clock.advance(10_000);
    expect(statesOf(h)).toEqual(['dozing']);
    h.enter();
    await h.clock.advance(100);
    expect(sleeper.asked).toEqual(['sleep r1 0']);
    sleeper.release();
    await h.clock.advance(100);
    expect(sleeper.asked).toEqual(['sleep r1 0', 'wake r1 0']);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('waits 5 s at most for one that does not come to sleep', async () => {
    const { h, sleeper } = await up();
    sleeper.faults.set('sleep', 'hang');
    await h.clock.advance(10_000);
    h.enter();
    await h.clock.advance(5_100);
    expect(sleeper.asked).toEqual(['sleep r1 0', 'wake r1 0']);
    expect([h.gate.open, sleeper.hanging]).toEqual([['r1'], 0]);
  });
});

describe('a wake that fails', () => {
  it.each([
    ['fails', 'fail', 'wake does not work'],
    ['hangs', 'hang', 'not done within 10s'],
  ] as const)('%s: the way of the next deeper rung is tried', async (_how, fault, reason) => {
    const { h, sleeper } = await asleep();
    sleeper.faults.set('wake 0', fault);
    h.enter();
    await h.clock.advance(11_000);
    expect(sleeper.asked.slice(-2)).toEqual(['wake r1 0', 'wake r1 1']);
    expect(h.event('wake-failed')).toMatchObject({ rung: 'level 1', reason, next: 'level 2' });
    expect([h.gate.open, h.driver.counts]).toEqual([['r1'], [1]]);
  });

  it('ends the replica in the end and starts another, which serves the request', async () => {
    const { h, sleeper } = await asleep();
    sleeper.faults.set('wake', 'fail');
    h.enter();
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1, 0, 1]);
    expect(h.event('wake-failed')).toMatchObject({ rung: 'level 2', next: null });
    expect(h.event('replica-lost')).toMatchObject({ reason: 'it does not wake: wake does not work' });
    h.driver.endStopping();
    h.driver.run('r2');
    await h.clock.advance(1_000);
    expect([h.gate.open, h.gate.failures]).toEqual([['r2'], []]);
  });

  it('is also one after which the probe does not pass', async () => {
    const { h } = await asleep();
    h.prober.state = 'unreachable';
    h.enter();
    await h.clock.advance(20_100);
    expect(h.event('wake-failed')).toMatchObject({ reason: 'not ready within 10s', next: null });
    expect(h.driver.counts).toEqual([1, 0, 1]);
  });

  it('of one that a platform keeps is replaced only when that is gone, or the count would keep it', async () => {
    const sleeper = new FakeSleeper();
    const h = new Harness(settings(), { replacesLost: true, canReplace: false }, { sleeper });
    await h.bringUp();
    await h.clock.advance(10_000);
    sleeper.faults.set('wake', 'fail');
    h.enter();
    await h.clock.advance(3_000);
    expect(h.driver.counts).toEqual([1, 0]);
    h.driver.endStopping();
    await h.clock.advance(100);
    expect(h.driver.counts).toEqual([1, 0, 1]);
    h.driver.run('r2');
    await h.clock.advance(1_000);
    expect([h.gate.open, h.gate.failures]).toEqual([['r2'], []]);
  });
});

describe('a sleep that fails', () => {
  it('leaves the replica awake once it passes its probe, and is tried again after a while', async () => {
    const { h, sleeper } = await up();
    sleeper.faults.set('sleep', 'fail');
    await h.clock.advance(10_500);
    expect(sleeper.asked).toEqual(['sleep r1 0', 'ask r1', 'wake r1 0']);
    expect(h.event('sleep-failed')).toMatchObject({ rung: 'level 1', retryInMs: 60_000 });
    expect([h.state, h.gate.open]).toEqual(['ready', ['r1']]);
    sleeper.faults.clear();
    // Its idle time is not over for that; level 2 is another rung.
    await h.clock.advance(60_000);
    expect(sleeper.rungs.get('r1')).toBe(1);
  });

  it('is none where the replica says that it sleeps all the same', async () => {
    const { h, sleeper } = await up();
    sleeper.faults.set('sleep', 'fail');
    sleeper.rungs.set('r1', 0);
    await h.clock.advance(10_500);
    expect([h.state, statesOf(h)]).toEqual(['asleep', ['asleep']]);
    h.enter();
    await h.clock.advance(500);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('ends one that does not answer any more', async () => {
    const { h, sleeper } = await up(settings({ idleMs: 0 }));
    sleeper.faults.set('sleep', 'fail').set('wake', 'fail');
    h.prober.state = 'unreachable';
    await h.clock.advance(71_000);
    expect(h.driver.counts.slice(0, 2)).toEqual([1, 0]);
    expect(h.event('replica-lost')?.replicaId).toBe('r1');
  });

  it('leaves one that sleeps on a shallower rung there', async () => {
    const { h, sleeper } = await asleep();
    sleeper.faults.set('sleep 1', 'fail');
    await h.clock.advance(51_000);
    expect(statesOf(h)).toEqual(['asleep']);
    h.enter();
    await h.clock.advance(500);
    // It may have come further than it said.
    expect(sleeper.asked.at(-1)).toBe('wake r1 1');
    expect(h.gate.open).toEqual(['r1']);
  });
});

describe('a replica that sleeps', () => {
  it('is lost when it exits, which is no failed start', async () => {
    const { h } = await asleep();
    h.driver.exit('r1', 'exited with code 137');
    await h.clock.settle();
    expect(h.state).toBe('cold');
    expect(h.event('replica-lost')?.reason).toBe('exited with code 137');
    expect(h.typesOf()).not.toContain('start-failed');
    expect(h.enter()).toBeNull();
    expect(h.driver.counts).toEqual([1, 1]);
  });

  it('that a platform replaces when it is lost is one that starts again', async () => {
    const sleeper = new FakeSleeper();
    const h = new Harness(settings(), { replacesLost: true, canReplace: false }, { sleeper });
    await h.bringUp();
    await h.clock.advance(10_000);
    h.driver.exit('r1');
    await h.clock.settle();
    expect([h.state, h.driver.counts]).toEqual(['starting', [1]]);
    h.driver.control();
    h.driver.run('r2');
    await h.clock.advance(1_000);
    expect([h.state, h.gate.open]).toEqual(['ready', ['r2']]);
  });

  it('is followed by another when it exits while it is woken', async () => {
    const { h, sleeper } = await asleep();
    sleeper.faults.set('wake', 'hang');
    h.enter();
    await h.clock.advance(1_000);
    h.driver.exit('r1');
    await h.clock.settle();
    expect([h.driver.counts, h.gate.failures, sleeper.hanging]).toEqual([[1, 1], [], 0]);
  });

  it.each([
    ['stopped', (h: Harness) => h.activator.stop()],
    ['paused', (h: Harness) => h.activator.pause()],
  ])('ends when its model is %s', async (_how, act) => {
    const { h } = await asleep();
    act(h);
    await h.clock.advance(100);
    expect([h.driver.living, h.driver.counts.at(-1)]).toEqual([[], 0]);
  });

  it('ends when its revision is retired', async () => {
    const { h } = await asleep();
    const retired = h.activator.retire(new AbortController().signal);
    await h.clock.advance(100);
    h.driver.endStopping();
    await h.clock.advance(100);
    await retired;
    expect(h.driver.counts.at(-1)).toBe(0);
  });

  it('is woken when its model leaves the configuration, where the platform keeps it', async () => {
    const sleeper = new FakeSleeper();
    const h = new Harness(settings(), { replacesLost: true, canReplace: false }, { sleeper });
    await h.bringUp();
    await h.clock.advance(10_000);
    sleeper.faults.set('wake', 'hang');
    const retired = h.activator.retire(new AbortController().signal, { keepsReplicas: true });
    let isDone = false;
    void retired.then(() => {
      isDone = true;
    });
    await h.clock.advance(1_000);
    expect([isDone, sleeper.asked.at(-1)]).toEqual([false, 'wake r1 0']);
    sleeper.release();
    await h.clock.advance(1_000);
    expect([isDone, sleeper.rungs.size, h.driver.counts]).toEqual([true, 0, [1]]);
  });

  it('sleeps on when its end is taken back, until somebody asks', async () => {
    const sleeper = new FakeSleeper();
    let running: number | null = null;
    const gauge = {
      read: () =>
        running === null ? new Promise<null>(() => undefined) : Promise.resolve({ ...noLoad, running }),
    };
    const h = new Harness({ ...settings(), asksGauge: true }, { replacesLost: true }, { sleeper, gauge });
    running = 0;
    await h.bringUp();
    await h.clock.advance(61_000);
    running = null;
    await h.clock.advance(240_000);
    expect(statesOf(h)).toEqual(['draining']);
    h.enter();
    await h.clock.advance(1_000);
    expect(sleeper.asked.at(-1)).toBe('wake r1 1');
    expect(h.gate.open).toEqual(['r1']);
  });

  it('is woken when there is no ladder any more', async () => {
    const { h } = await asleep();
    h.activator.configure(withScale({ max: 3 }));
    await h.clock.advance(500);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('is woken where min rises', async () => {
    const { h } = await asleep();
    h.activator.configure(settings({ min: 1 }));
    await h.clock.advance(500);
    expect(h.gate.open).toEqual(['r1']);
  });
});

describe('a replica that is found', () => {
  async function found(rung: number | null, hangs = false, desired = 1): Promise<Rig> {
    const sleeper = new FakeSleeper();
    const h = new Harness(settings(), { replacesLost: true, canReplace: false, desired }, { sleeper });
    h.prober.state = 'ready';
    if (rung !== null) sleeper.rungs.set('r1', rung);
    if (hangs) sleeper.faults.set('ask', 'hang');
    h.driver.add();
    h.driver.run('r1');
    await h.clock.advance(100);
    return { h, sleeper };
  }

  it('is asked where it stands before it is probed, and sleeps on', async () => {
    const { h, sleeper } = await found(1);
    expect([h.state, statesOf(h), h.prober.count]).toEqual(['asleep', ['asleep'], 0]);
    h.enter();
    await h.clock.advance(100);
    expect([sleeper.asked, h.gate.open]).toEqual([['ask r1', 'wake r1 1'], ['r1']]);
  });

  it('sleeps on when the count that keeps it is told after that', async () => {
    const { h, sleeper } = await found(0, false, 0);
    expect(h.state).toBe('asleep');
    h.driver.byOthers(1);
    await h.clock.advance(100);
    expect([h.state, statesOf(h), sleeper.asked]).toEqual(['asleep', ['asleep'], ['ask r1']]);
  });

  it('is probed when it is awake, or does not tell within 5 s', async () => {
    expect((await found(null)).h.gate.open).toEqual(['r1']);
    const { h } = await found(null, true);
    expect(h.gate.open).toEqual([]);
    await h.clock.advance(5_100);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('is asked again by a gateway that leads now: the one before may have moved it', async () => {
    const { h, sleeper } = await found(null);
    h.leadership.lose();
    sleeper.rungs.set('r1', 0);
    await h.clock.advance(1_000);
    h.leadership.gain();
    await h.clock.advance(100);
    expect([h.state, h.gate.open]).toEqual(['asleep', []]);
    h.enter();
    await h.clock.advance(100);
    expect(h.gate.open).toEqual(['r1']);
  });
});
