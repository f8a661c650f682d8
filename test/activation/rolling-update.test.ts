import { describe, expect, it } from 'vitest';
import { Harness, withScale } from './harness.ts';

const idleMs = 10_000;
/** `ready.startup` of the harness. */
const startupMs = 60_000;

/**
 * A model whose pods a platform keeps, ready with `count`; what the platform does about a changed count is up to the test,
 * as it is to a Deployment while it rolls an update out.
 */
async function found(count: number, concurrency = 1) {
  const settings = { ...withScale({ max: 4, idleMs }), concurrency };
  const h = new Harness(settings, { replacesLost: true, canReplace: false, desired: count });
  h.prober.state = 'ready';
  h.driver.control();
  for (const id of h.driver.living) h.driver.run(id);
  await h.clock.advance(100);
  expect(h.gate.open).toHaveLength(count);
  h.driver.isLate = true;
  return h;
}

/** One more than the count: a pod of the new template, which runs and is ready. */
async function surge(h: Harness): Promise<string> {
  const id = h.driver.add();
  h.driver.run(id);
  await h.clock.advance(100);
  return id;
}

/** The platform tells it to end; it stays for as long as its requests run. */
async function stop(h: Harness, id: string): Promise<void> {
  h.driver.change(id, { phase: 'stopping' });
  await h.clock.advance(100);
}

/** One that will not become ready comes beside those that are there. */
async function stuckSurge(h: Harness): Promise<string> {
  const id = h.driver.add();
  h.prober.stateByOrigin.set(`http://127.0.0.1/${id}`, 'loading');
  h.driver.run(id);
  await h.clock.advance(100);
  return id;
}

describe('a count that goes down within a rolling update', () => {
  it('keeps as many as it says where the update ends one that was to stay', async () => {
    const h = await found(3, 2);
    for (const id of ['r1', 'r2', 'r3']) h.gate.run(id, 1);
    await h.clock.advance(idleMs - 1_000);
    await surge(h);
    await h.clock.advance(idleMs);
    // Two of four drain, one of them for the update's surplus, and nothing is written while one of them is busy.
    expect(h.gate.open).toHaveLength(2);
    expect(h.driver.counts).toEqual([]);
    await stop(h, h.gate.open[0]!);
    expect(h.gate.open).toHaveLength(2);
  });

  it('has all of them serve when it rises again before the update has ended its surplus', async () => {
    const h = await found(3, 2);
    for (const id of ['r1', 'r2', 'r3']) h.gate.run(id, 1);
    await h.clock.advance(idleMs - 1_000);
    await surge(h);
    await h.clock.advance(idleMs);
    expect(h.gate.open).toHaveLength(2);
    h.gate.waiting = 2;
    h.activator.demand();
    await h.clock.advance(100);
    h.gate.waiting = 0;
    expect(h.gate.open).toHaveLength(3);
    await stop(h, h.gate.open[0]!);
    expect(h.gate.open).toHaveLength(3);
    await h.clock.advance(3_000);
    expect(h.activator.snapshot().decision).not.toBe('a replica is starting');
  });

  it('uses one that was to end and that the update keeps in the place of another', async () => {
    const h = await found(3);
    h.gate.run('r1', 1);
    h.gate.run('r2', 1);
    await h.clock.advance(idleMs - 1_000);
    const added = await surge(h);
    await h.clock.advance(5_000);
    expect(h.driver.requests).toEqual([{ replicas: 2, victims: ['r3', added] }]);
    // Of the two that were named the platform ends one: for as long as the update lasts it keeps one too many.
    await stop(h, 'r3');
    await h.clock.advance(5_000);
    expect(h.gate.open).toEqual(['r1', 'r2']);
    await stop(h, 'r2');
    expect(h.gate.open).toEqual(['r1', added]);
  });
});

describe('a count that could not be lowered', () => {
  it('is asked for again with the same one to end, which takes no requests meanwhile', async () => {
    const h = await found(2);
    h.gate.run('r1', 1);
    h.driver.scaleError = new Error('connection refused');
    await h.clock.advance(idleMs * 3);
    expect(h.driver.requests.length).toBeGreaterThan(3);
    expect(new Set(h.driver.requests.map(({ victims }) => String(victims)))).toEqual(new Set(['r2']));
    expect(h.gate.open).toEqual(['r1']);
  });

  it('has the one that was to end serve again as soon as it is needed', async () => {
    const h = await found(2);
    h.gate.run('r1', 1);
    h.driver.scaleError = new Error('connection refused');
    await h.clock.advance(idleMs * 3);
    h.driver.scaleError = null;
    h.gate.waiting = 1;
    h.activator.demand();
    await h.clock.advance(2_000);
    expect(h.gate.open).toEqual(['r1', 'r2']);
  });
});

describe('a rolling update', () => {
  it('whose new replica never becomes ready does not keep an idle model up', async () => {
    const h = await found(1);
    await stuckSurge(h);
    await h.clock.advance(idleMs + 1_000);
    expect(h.driver.counts).toEqual([0]);
  });

  it('whose new replica never becomes ready does not keep the count of several up', async () => {
    const h = await found(3);
    h.gate.run('r1', 1);
    await stuckSurge(h);
    await h.clock.advance(idleMs * 2);
    expect(h.driver.counts).toEqual([1]);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('of an idle model ends it after its idle time, and not later', async () => {
    const h = await found(3);
    for (const id of ['r1', 'r2', 'r3']) {
      await surge(h);
      await stop(h, id);
    }
    expect(h.gate.open).toEqual(['r4', 'r5', 'r6']);
    await h.clock.advance(idleMs - 2_000);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(2_000);
    expect(h.driver.counts).toEqual([0]);
  });

  it('that ends the old one first leaves the new one its idle time', async () => {
    const h = await found(1);
    await h.clock.advance(idleMs - 1_000);
    await stop(h, 'r1');
    await stuckSurge(h);
    await h.clock.advance(startupMs - 5_000);
    expect(h.driver.counts).toEqual([]);
    h.prober.stateByOrigin.clear();
    await h.clock.advance(idleMs - 2_000);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(idleMs);
    expect(h.driver.counts).toEqual([0]);
  });

  it('of a model at 0 starts nothing', async () => {
    const h = await found(1);
    await h.clock.advance(idleMs + 100);
    await stop(h, 'r1');
    h.driver.publish();
    await h.clock.advance(startupMs * 2);
    expect(h.driver.counts).toEqual([0]);
    expect(h.state).not.toBe('starting');
  });
});

describe('a count of which one is missing', () => {
  it('is kept while the replacement may still become ready, and goes down once it has failed', async () => {
    const h = await found(2);
    h.driver.exit('r1', 'evicted');
    await stuckSurge(h);
    await h.clock.advance(startupMs - 5_000);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(5_000 + idleMs * 2);
    expect(h.driver.counts.at(-1)).toBe(0);
  });

  it('is kept no longer than a start may take when no replacement comes', async () => {
    const h = await found(2);
    for (const id of ['r1', 'r2']) h.gate.run(id, 1);
    await h.clock.advance(startupMs * 2);
    h.driver.exit('r1', 'evicted');
    h.gate.run('r2', 0);
    await h.clock.advance(startupMs - 5_000);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(5_000 + idleMs * 2);
    expect(h.driver.counts.at(-1)).toBe(0);
  });

  it('is kept no longer than a start may take when one that was ready is not any more', async () => {
    const h = await found(2);
    h.prober.stateByOrigin.set('http://127.0.0.1/r2', 'unreachable');
    h.activator.report('r2', 'refused');
    await h.clock.advance(startupMs - 5_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(5_000 + idleMs * 2);
    expect(h.driver.counts.at(-1)).toBe(0);
  });
});
