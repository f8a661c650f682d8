import { describe, expect, it } from 'vitest';
import { defaults, Harness, withScale } from './harness.ts';

async function ready(): Promise<Harness> {
  const h = new Harness();
  await h.bringUp();
  return h;
}

describe('a ready replica', () => {
  it('that exits is no failed start: it is gone from the gate and the next request starts another', async () => {
    const h = await ready();
    h.driver.exit('r1');
    await h.clock.settle();
    expect(h.gate.replicas.size).toBe(0);
    expect(h.state).toBe('cold');
    expect(h.event('replica-lost')?.reason).toBe('exited with code 1');
    expect(h.event('start-failed')).toBeUndefined();
    await h.clock.advance(10_000);
    expect(h.driver.living).toEqual([]);
    expect(h.enter()).toBeNull();
    expect(h.driver.living).toEqual(['r2']);
  });

  it('that exits is started again at once for those who wait', async () => {
    const h = await ready();
    h.gate.waiting = 1;
    h.driver.exit('r1');
    await h.clock.settle();
    expect(h.driver.living).toEqual(['r2']);
    expect(h.state).toBe('starting');
    expect(h.gate.failures).toEqual([]);
  });

  it('that exits while its requests are still being failed is not started again for them', async () => {
    const h = await ready();
    h.gate.run('r1', 2);
    h.driver.exit('r1');
    await h.clock.settle();
    expect(h.driver.living).toEqual([]);
  });

  it('that refused is suspended and probed until it is ready again', async () => {
    const h = await ready();
    h.prober.state = 'unreachable';
    h.activator.report('r1', 'refused');
    expect(h.gate.open).toEqual([]);
    expect(h.state).toBe('starting');
    await h.clock.advance(5_000);
    expect(h.gate.open).toEqual([]);
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.state).toBe('ready');
    expect(h.event('reinstated')).toEqual({ type: 'reinstated', replicaId: 'r1' });
    expect(h.event('start-failed')).toBeUndefined();
    expect(h.activator.snapshot().lastStarts).toHaveLength(1);
  });

  it('that says it is loading goes back to being probed', async () => {
    const h = await ready();
    h.prober.state = 'loading';
    h.activator.report('r1', 'loading');
    await h.clock.advance(3_000);
    expect(h.gate.open).toEqual([]);
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('is suspect after three resets in a row, not after two and an answer', async () => {
    const h = await ready();
    for (const report of ['reset', 'reset', 'answered', 'reset', 'reset'] as const)
      h.activator.report('r1', report);
    expect(h.gate.open).toEqual(['r1']);
    h.activator.report('r1', 'reset');
    expect(h.gate.open).toEqual([]);
    expect(h.event('suspect')).toEqual({ type: 'suspect', replicaId: 'r1', report: 'reset' });
    await h.clock.advance(100);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('that stalled is ended and replaced where the driver can', async () => {
    const h = await ready();
    h.activator.report('r1', 'stalled');
    await h.clock.settle();
    expect(h.driver.requests.some(({ victims }) => victims?.includes('r1'))).toBe(true);
    expect(h.driver.living).toEqual(['r2']);
    h.driver.endStopping();
    await h.clock.settle();
    h.driver.run('r2');
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r2']);
  });

  it.each([
    ['is fixed', { isFixed: true }],
    ['cannot be replaced', { canReplace: false }],
  ])('that stalled and %s gets one canary', async (_, kind) => {
    const h = new Harness(defaults, kind);
    if (h.driver.isFixed) {
      h.driver.run(h.driver.add());
      h.prober.state = 'ready';
      await h.clock.advance(1_000);
    } else await h.bringUp();
    h.activator.report('r1', 'stalled');
    expect(h.gate.open).toEqual([]);
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.gate.replicas.get('r1')?.limit).toBe(1);
    h.activator.report('r1', 'answered');
    expect(h.gate.replicas.get('r1')?.limit).toBe(2);
    expect(h.driver.living).toEqual(['r1']);
  });

  it('that stays suspect for a whole startup time is replaced', async () => {
    const h = await ready();
    h.prober.state = 'unreachable';
    h.activator.report('r1', 'refused');
    await h.clock.advance(59_000);
    expect(h.driver.living).toEqual(['r1']);
    await h.clock.advance(1_000);
    expect(h.driver.living).toEqual(['r2']);
    expect(h.event('start-failed')).toBeUndefined();
  });

  it('of which nobody knows is not reported on', async () => {
    const h = await ready();
    h.activator.report('r9', 'refused');
    expect(h.gate.open).toEqual(['r1']);
  });

  it('that the platform ends takes no new requests, and another comes for those who wait', async () => {
    const h = await ready();
    h.gate.waiting = 1;
    await h.driver.scale(
      { id: 'm/default', model: 'm', revision: 'default', backend: null },
      { replicas: 0 },
    );
    await h.clock.settle();
    expect(h.gate.open).toEqual([]);
    expect(h.driver.living).toEqual(['r2']);
    expect(h.state).toBe('starting');
  });
});

describe('scale to zero', () => {
  it('comes when nothing waited or ran for the idle time', async () => {
    const h = new Harness(withScale({ idleMs: 10_000 }));
    await h.bringUp();
    h.gate.run('r1', 1);
    await h.clock.advance(60_000);
    h.gate.run('r1', 0);
    await h.clock.advance(9_999);
    expect(h.gate.open).toEqual(['r1']);
    await h.clock.advance(1);
    expect(h.gate.open).toEqual([]);
    expect(h.state).toBe('draining');
    expect(h.driver.living).toEqual([]);
    h.driver.endStopping();
    await h.clock.settle();
    expect(h.state).toBe('cold');
    expect(h.event('to-zero')?.reason).toBe('idle for 10s');
  });

  it('never ends a busy replica, however long its request runs', async () => {
    const h = new Harness(withScale({ idleMs: 1_000 }));
    await h.bringUp();
    h.gate.run('r1', 1);
    await h.clock.advance(3_600_000);
    expect(h.driver.living).toEqual(['r1']);
  });

  it('never ends a loading replica while its startup deadline lasts', async () => {
    const h = new Harness(withScale({ idleMs: 10 }));
    h.enter();
    h.gate.waiting = 0;
    await h.clock.settle();
    h.driver.run('r1');
    h.prober.state = 'loading';
    await h.clock.advance(59_999);
    expect(h.driver.living).toEqual(['r1']);
  });

  it('is undone by a request while the replica still ends its last one', async () => {
    const h = await ready();
    h.gate.run('r1', 1);
    h.activator.stop();
    expect(h.state).toBe('draining');
    expect(h.gate.open).toEqual([]);
    expect(h.enter()).toBeNull();
    await h.clock.advance(100);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.driver.counts).toEqual([1]);
  });

  it('starts another for a request that comes when the replica was told to end', async () => {
    const h = await ready();
    h.activator.stop();
    await h.clock.settle();
    h.enter();
    await h.clock.settle();
    expect(h.driver.living).toEqual(['r2']);
    expect(h.state).toBe('starting');
    h.driver.endStopping();
    expect(h.state).toBe('starting');
  });

  it('ends surplus replicas one by one while the others work', async () => {
    const h = new Harness(withScale({ idleMs: 5_000 }));
    await h.bringUp();
    h.gate.run('r1', 2);
    h.gate.waiting = 1;
    h.activator.demand();
    await h.clock.settle();
    h.driver.run('r2');
    await h.clock.advance(100);
    h.gate.waiting = 0;
    await h.clock.advance(20_000);
    expect(h.driver.living).toEqual(['r1']);
    expect(h.state).toBe('ready');
  });

  it('does not happen with idle 0', async () => {
    const h = new Harness(withScale({ idleMs: 0 }));
    await h.bringUp();
    await h.clock.advance(86_400_000);
    expect(h.gate.open).toEqual(['r1']);
  });
});
