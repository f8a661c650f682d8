import { describe, expect, it } from 'vitest';
import type { Removal } from '../../src/core/driver.ts';
import { defaults, Harness, withScale } from './harness.ts';

const idleMs = 10_000;

/** A model whose pods a platform keeps; ready with `count`, asked for by somebody before the gateway came. */
async function found(
  count: number,
  { removal = 'victims', max = 4 }: { removal?: Removal; max?: number } = {},
) {
  const h = new Harness(withScale({ max, idleMs }), {
    replacesLost: true,
    canReplace: false,
    desired: count,
  });
  h.driver.told = { removal };
  h.prober.state = 'ready';
  h.driver.control();
  h.driver.living.forEach((id, ordinal) => {
    h.driver.change(id, { ordinal });
    h.driver.run(id);
  });
  await h.clock.advance(100);
  expect(h.gate.open).toHaveLength(count);
  return h;
}

describe('a count that the platform keeps', () => {
  it('is taken as it is found, and nothing is asked for before it is known', async () => {
    const h = new Harness(withScale({ max: 4 }), { replacesLost: true, desired: 3 });
    h.driver.told = { isStale: true };
    h.driver.publish();
    h.enter();
    await h.clock.advance(1_000);
    expect(h.driver.counts).toEqual([]);
    expect(h.activator.snapshot()).toMatchObject({ isStale: true, desired: 3 });
  });

  it('stands when a replica is lost, and its replacement is a start of its own', async () => {
    const h = await found(1);
    await h.clock.advance(5_000);
    h.gate.run('r1', 1);
    h.driver.exit('r1');
    await h.clock.settle();
    expect(h.event('replica-lost')).toBeDefined();
    h.driver.control();
    h.driver.publish();
    h.driver.run('r2');
    await h.clock.advance(100);
    expect(h.gate.open).toEqual(['r2']);
    expect(h.driver.counts).toEqual([]);
    expect(h.activator.snapshot().lastStarts[0]?.totalMs).toBeLessThan(200);
    expect(h.activator.learned().starts).toEqual([]);
  });

  it.each([
    ['the new one comes first', ['add', 'run', 'stop', 'exit']],
    ['the old one ends first', ['stop', 'exit', 'add', 'run']],
    ['the old one ends while the new one starts', ['add', 'stop', 'run', 'exit']],
  ])('is neither raised nor lowered by a rolling update: %s', async (_name, steps) => {
    const h = await found(1);
    h.gate.waiting = 1;
    const actions: Record<string, () => unknown> = {
      add: () => h.driver.add(),
      run: () => h.driver.run('r2'),
      stop: () => h.driver.change('r1', { phase: 'stopping' }),
      exit: () => h.driver.exit('r1'),
    };
    for (const step of steps) {
      actions[step]!();
      h.driver.publish();
      await h.clock.advance(500);
    }
    expect(h.gate.open).toEqual(['r2']);
    expect(h.driver.counts).toEqual([]);
  });

  it('is not given up for a new revision that does not start beside a ready one', async () => {
    const h = await found(1);
    h.gate.run('r1', 1);
    h.prober.stateByOrigin.set('http://127.0.0.1/r2', 'unreachable');
    h.driver.run(h.driver.add());
    await h.clock.advance(70_000);
    expect(h.event('start-failed')).toMatchObject({ replicaId: 'r2' });
    h.driver.change('r2', { phase: 'exited', reason: 'crash loop' });
    await h.clock.advance(70_000);
    expect(h.driver.counts).toEqual([]);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('is given up by one when a start fails; who waits is refused with the reason', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true });
    h.enter();
    await h.clock.settle();
    h.driver.change('r1', { phase: 'exited', reason: 'Insufficient nvidia.com/gpu', fault: 'unschedulable' });
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1, 0]);
    expect(h.gate.failures.map(({ code }) => code)).toEqual(['no_capacity']);
    expect(h.event('start-failed')).toMatchObject({ fault: 'unschedulable' });
    expect(h.activator.snapshot()).toMatchObject({
      state: 'failed',
      failure: { fault: 'unschedulable' },
      lastStarts: [{ fault: 'unschedulable', outcome: 'failed' }],
    });
    expect(h.enter()?.code).toBe('no_capacity');
  });

  it('is given up when the replacement of a failed start fails as well, and so would each after it', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true });
    h.enter();
    await h.clock.settle();
    const rejected = { phase: 'exited', reason: 'UnexpectedAdmissionError', fault: 'admission' } as const;
    h.driver.add();
    h.driver.publish();
    h.driver.change('r1', rejected);
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1]);
    h.driver.add();
    h.driver.publish();
    h.driver.change('r2', rejected);
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1, 0]);
    h.driver.change('r3', rejected);
    await h.clock.settle();
    expect(h.gate.failures.map(({ code }) => code)).toEqual(['start_failed']);
    // Those that were made before the count was down begin and fail on their own: nothing is asked for because of them.
    for (const [id, phase] of [
      ['r4', 'starting'],
      ['r5', 'exited'],
    ] as const) {
      h.driver.add();
      h.driver.change(id, phase === 'exited' ? rejected : {});
      await h.clock.settle();
      h.driver.change(id, rejected);
      await h.clock.settle();
    }
    expect(h.driver.counts.every((count) => count === 0 || count === 1)).toBe(true);
    expect(h.driver.counts.at(-1)).toBe(0);
    expect(h.activator.snapshot()).toMatchObject({ state: 'failed', replicas: [] });
    await h.clock.advance(2_000);
    h.enter();
    await h.clock.settle();
    expect(h.driver.counts.at(-1)).toBe(1);
  });

  it('takes a replica back that exited and runs again', async () => {
    const h = new Harness(withScale({ owner: 'external' }), { replacesLost: true });
    h.enter();
    await h.clock.settle();
    h.driver.change('r1', { phase: 'exited', reason: 'crash loop', fault: 'crash_loop' });
    await h.clock.advance(30_000);
    expect(h.state).toBe('failed');
    expect(h.driver.counts).toEqual([1]);
    h.prober.state = 'ready';
    h.driver.run('r1');
    await h.clock.advance(100);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.state).toBe('ready');
  });

  it('that others own stands when the target cannot start: told once, to whoever waits and whoever comes', async () => {
    const h = new Harness(withScale({ owner: 'external' }), { replacesLost: true });
    h.driver.isLate = true;
    expect(h.enter()).toBeNull();
    await h.clock.settle();
    h.driver.told = { failure: 'quota: exceeded "gpus"', fault: 'quota' };
    h.driver.publish();
    h.driver.publish();
    expect(h.events.filter(({ type }) => type === 'start-failed')).toHaveLength(1);
    expect(h.gate.failures.map(({ code }) => code)).toEqual(['no_capacity']);
    expect(h.enter()?.code).toBe('no_capacity');
    expect(h.driver.counts).toEqual([1]);
  });

  it('is raised again in time for one that was told to end and did not', async () => {
    const h = await found(1);
    h.driver.isLate = true;
    await h.clock.advance(idleMs + 100);
    expect(h.driver.counts).toEqual([0]);
    h.enter();
    await h.clock.advance(2_000);
    expect(h.driver.counts).toEqual([0, 1]);
    expect(h.gate.open).toEqual(['r1']);
  });
});

describe('a count that somebody else changes', () => {
  it('is obeyed upward, also above max, until it has been surplus for the idle time', async () => {
    const h = await found(1, { max: 2 });
    h.driver.byOthers(5);
    h.driver.control();
    h.driver.publish();
    for (const id of h.driver.living) h.driver.run(id);
    await h.clock.advance(idleMs - 1_000);
    expect(h.gate.open).toHaveLength(5);
    expect(h.driver.counts).toEqual([]);
    expect(h.event('scaled-by-others')?.replicas).toBe(5);
    await h.clock.advance(5_000);
    expect(h.driver.counts.at(-1)).toBe(0);
  });

  it('is obeyed downward', async () => {
    const h = await found(3);
    h.driver.byOthers(1);
    h.driver.control();
    h.driver.endStopping();
    await h.clock.advance(2_000);
    expect(h.gate.open).toHaveLength(1);
    expect(h.driver.counts).toEqual([]);
  });

  it('is raised from 0 again where somebody waits', async () => {
    const h = await found(1);
    h.gate.waiting = 1;
    h.driver.byOthers(0);
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1]);
  });

  it('takes back those that drain', async () => {
    const h = await found(2);
    h.gate.run('r1', 1);
    h.gate.run('r2', 1);
    h.activator.configure(withScale({ max: 1, idleMs }));
    await h.clock.settle();
    expect(h.gate.open).toHaveLength(1);
    h.driver.byOthers(3);
    await h.clock.advance(100);
    expect(h.gate.open).toHaveLength(2);
  });

  it('is only raised from 0 where others own it', async () => {
    const h = new Harness(withScale({ owner: 'external', idleMs, max: 4 }), { replacesLost: true });
    h.enter();
    h.enter();
    h.gate.waiting = 9;
    h.activator.demand();
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1]);
    h.driver.run('r1');
    h.prober.state = 'ready';
    h.gate.waiting = 0;
    await h.clock.advance(100_000);
    expect(h.driver.counts).toEqual([1]);
    expect(h.activator.snapshot().decision).toBe('others own the count: 1 replica');
  });
});

describe('who ends when a count goes down', () => {
  it('is the highest ordinal, busy or not, and no lower one before it', async () => {
    const h = await found(2, { removal: 'highest-ordinal' });
    h.gate.run('r2', 1);
    await h.clock.advance(idleMs + 5_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(600_000);
    expect(h.driver.counts).toEqual([]);
    h.gate.run('r2', 0);
    await h.clock.advance(100);
    expect(h.driver.counts).toEqual([1]);
  });

  it('does not take a busy higher one down for a lower one that does not start', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true, desired: 2 });
    h.driver.told = { removal: 'highest-ordinal' };
    h.prober.state = 'ready';
    h.driver.control();
    h.driver.change('r1', { ordinal: 0 });
    h.driver.change('r2', { ordinal: 1 });
    h.driver.run('r2');
    await h.clock.advance(100);
    h.gate.run('r2', 1);
    h.driver.change('r1', { phase: 'exited', reason: 'crash loop' });
    await h.clock.advance(60_000);
    expect(h.driver.counts).toEqual([]);
  });

  it('is anybody where that is not known: nothing is lowered while somebody is busy', async () => {
    const h = await found(3, { removal: 'unknown' });
    h.gate.run('r1', 1);
    await h.clock.advance(idleMs * 3);
    expect(h.driver.counts).toEqual([]);
    expect(h.gate.open).toHaveLength(3);
    h.gate.run('r1', 0);
    await h.clock.advance(idleMs * 2);
    expect(h.driver.counts.at(-1)).toBe(0);
  });
});

describe('a target that is lost sight of', () => {
  it('is not lowered, and nobody is forgotten, until it is seen again', async () => {
    const h = await found(1);
    h.driver.told = { isStale: true };
    h.driver.publish();
    await h.clock.advance(idleMs * 5);
    expect(h.driver.counts).toEqual([]);
    expect(h.gate.open).toEqual(['r1']);
    h.driver.told = {};
    h.driver.publish();
    await h.clock.advance(idleMs * 2);
    expect(h.driver.counts).toEqual([0]);
  });

  it('fails no start before it has been seen for a moment', async () => {
    const h = new Harness(defaults, { replacesLost: true });
    h.driver.isLate = true;
    h.enter();
    await h.clock.settle();
    h.driver.told = { isStale: true };
    h.driver.publish();
    await h.clock.advance(100_000);
    expect(h.event('start-failed')).toBeUndefined();
    h.driver.told = {};
    h.driver.publish();
    await h.clock.advance(500);
    expect(h.event('start-failed')).toBeUndefined();
    await h.clock.advance(5_000);
    expect(h.event('start-failed')?.reason).toBe('no replica appeared within 60s');
  });
});

describe('leaving', () => {
  it('asks nothing of the platform where the model is not configured any more', async () => {
    const h = await found(1);
    h.gate.run('r1', 1);
    const retired = h.activator.retire(new AbortController().signal, { keepsReplicas: true });
    await h.clock.advance(100_000);
    h.gate.run('r1', 0);
    await h.clock.advance(100);
    await retired;
    expect(h.driver.counts).toEqual([]);
  });

  it('ends nobody who drains already where the model is not configured any more', async () => {
    const h = await found(2);
    h.gate.run('r1', 1);
    h.gate.run('r2', 1);
    h.activator.configure(withScale({ max: 1, idleMs }));
    await h.clock.settle();
    expect(h.gate.open).toHaveLength(1);
    const retired = h.activator.retire(new AbortController().signal, { keepsReplicas: true });
    for (const id of ['r1', 'r2']) h.gate.run(id, 0);
    await h.clock.advance(1_000);
    await retired;
    expect(h.driver.counts).toEqual([]);
  });

  it('goes to zero where another target takes its place', async () => {
    const h = await found(1);
    const retired = h.activator.retire(new AbortController().signal, { keepsReplicas: false });
    await h.clock.advance(100);
    h.driver.endStopping();
    await h.clock.advance(100);
    await retired;
    expect(h.driver.counts).toEqual([0]);
  });
});
