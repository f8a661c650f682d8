import { describe, expect, it } from 'vitest';
import { defaults, Harness, withScale } from './harness.ts';

describe('an operator', () => {
  it('warms a model without a request', async () => {
    const h = new Harness();
    h.activator.warm();
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1]);
  });

  it('stops it: what runs ends first, min does not bring it back, the next request does', async () => {
    const h = new Harness(withScale({ min: 1 }));
    await h.clock.settle();
    h.driver.run('r1');
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    h.gate.run('r1', 1);
    h.activator.stop();
    await h.clock.advance(60_000);
    expect(h.driver.living).toEqual(['r1']);
    h.gate.run('r1', 0);
    await h.clock.advance(100);
    expect(h.driver.living).toEqual([]);
    h.driver.endStopping();
    await h.clock.advance(60_000);
    expect(h.state).toBe('cold');
    expect(h.driver.living).toEqual([]);
    h.enter();
    expect(h.driver.living).toEqual(['r2']);
  });

  it('stops a start: who waits is told so', async () => {
    const h = new Harness();
    h.enter();
    await h.clock.settle();
    h.activator.stop();
    expect(h.gate.failures[0]?.message).toBe('model "m" was stopped by an operator');
    expect(h.driver.living).toEqual([]);
    h.driver.endStopping();
    expect(h.state).toBe('cold');
    expect(h.activator.snapshot().lastStarts[0]?.outcome).toBe('stopped');
  });

  it('pauses it: everybody is refused and it goes to zero, until it is resumed', async () => {
    const h = new Harness(withScale({ min: 1 }));
    await h.clock.settle();
    h.gate.waiting = 1;
    h.activator.pause();
    h.activator.stop();
    expect(h.gate.failures[0]?.code).toBe('paused');
    expect(h.gate.refusal?.code).toBe('paused');
    expect(h.enter()?.code).toBe('paused');
    h.activator.warm();
    h.driver.endStopping();
    await h.clock.advance(60_000);
    expect(h.driver.living).toEqual([]);
    expect(h.state).toBe('paused');
    h.activator.resume();
    expect(h.gate.refusal).toBeNull();
    expect(h.driver.living).toEqual(['r2']);
  });

  it('changes the limit, the count and the minimum of a running model', async () => {
    const h = new Harness();
    await h.bringUp();
    h.activator.configure({ ...withScale({ min: 2 }), concurrency: 7 });
    expect(h.gate.replicas.get('r1')?.limit).toBe(7);
    expect(h.driver.living).toEqual(['r1', 'r2']);
  });

  it('sees it all as plain JSON', async () => {
    const h = new Harness();
    await h.bringUp();
    const snapshot = h.activator.snapshot();
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
    expect(snapshot).toMatchObject({ state: 'ready', step: null, etaMs: null, failure: null });
    expect(snapshot.replicas[0]).toMatchObject({
      id: 'r1',
      origin: 'http://127.0.0.1/r1',
      state: 'ready',
      inFlight: 0,
    });
    expect(snapshot.replicas[0]!.readyAtMs).toBeGreaterThan(1_700_000_000_000);
  });

  it('sees the last ten starts', async () => {
    const h = new Harness();
    for (let i = 0; i < 12; i++) {
      await h.bringUp(10);
      await h.takeDown();
    }
    const ids = h.activator.snapshot().lastStarts.map(({ replicaId }) => replicaId);
    expect(ids).toEqual(Array.from({ length: 10 }, (_, i) => `r${12 - i}`));
  });
});

describe('retiring', () => {
  it('serves who waits, lets what runs end, and resolves when no replica is left', async () => {
    const h = new Harness();
    await h.bringUp();
    h.gate.waiting = 1;
    let isDone = false;
    const retired = h.activator.retire(new AbortController().signal).then(() => (isDone = true));
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    h.gate.waiting = 0;
    h.gate.run('r1', 1);
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual([]);
    expect(h.driver.living).toEqual(['r1']);
    expect(h.enter()?.code).toBe('draining');
    h.gate.run('r1', 0);
    await h.clock.advance(1_000);
    expect(h.driver.living).toEqual([]);
    expect(isDone).toBe(false);
    h.driver.endStopping();
    await h.clock.advance(1_000);
    await retired;
    expect(isDone).toBe(true);
  });

  it('ends what runs when its time is over', async () => {
    const h = new Harness();
    await h.bringUp();
    h.gate.run('r1', 1);
    const limit = new AbortController();
    const retired = h.activator.retire(limit.signal);
    await h.clock.advance(1_000);
    limit.abort();
    await h.clock.settle();
    expect(h.driver.living).toEqual([]);
    h.driver.endStopping();
    await h.clock.advance(100);
    await retired;
  });

  it('leaves fixed replicas when nothing runs on them any more', async () => {
    const h = new Harness(defaults, { isFixed: true });
    h.driver.run(h.driver.add());
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    h.gate.run('r1', 1);
    const retired = h.activator.retire(new AbortController().signal);
    await h.clock.advance(1_000);
    expect(h.gate.replicas.size).toBe(1);
    h.gate.run('r1', 0);
    await h.clock.advance(1_000);
    await retired;
    expect(h.gate.replicas.size).toBe(0);
    expect(h.driver.living).toEqual(['r1']);
  });
});

describe('closing', () => {
  const situations: Record<string, (h: Harness) => Promise<unknown>> = {
    cold: async () => undefined,
    starting: async (h) => h.enter(),
    probing: async (h) => {
      h.enter();
      await h.clock.settle();
      h.prober.isHanging = true;
      h.driver.run('r1');
    },
    ready: (h) => h.bringUp(),
    draining: async (h) => {
      await h.bringUp();
      h.gate.run('r1', 1);
      h.activator.stop();
    },
    suspect: async (h) => {
      await h.bringUp();
      h.prober.state = 'unreachable';
      h.activator.report('r1', 'refused');
    },
    failed: async (h) => {
      h.enter();
      await h.clock.settle();
      h.driver.exit('r1');
    },
    'without a driver': async (h) => {
      h.driver.scaleError = new Error('away');
      h.enter();
    },
  };

  it.each(Object.keys(situations))('leaves no timer, probe or watcher: %s', async (name) => {
    const h = new Harness(withScale({ rampMs: 60_000 }));
    await h.clock.settle();
    await situations[name]!(h);
    await h.clock.settle();
    await h.activator.close();
    await h.clock.settle();
    expect(h.clock.pendingTimers).toBe(0);
    expect(h.prober.pending).toBe(0);
    expect(h.driver.watchers).toBe(0);
    expect(h.enter()?.code).toBe('draining');
    expect(h.clock.pendingTimers).toBe(0);
  });

  it('is not needed for a watch that failed: it is begun again after a second', async () => {
    const h = new Harness();
    h.driver.failWatch(new Error('connection lost'));
    await h.clock.settle();
    expect(h.driver.watchers).toBe(0);
    expect(h.event('driver-failed')?.error).toEqual(new Error('connection lost'));
    await h.clock.advance(1_000);
    expect(h.driver.watchers).toBe(1);
  });
});

describe('fixed replicas', () => {
  function fixed(): Harness {
    const h = new Harness(defaults, { isFixed: true });
    h.driver.run(h.driver.add());
    return h;
  }

  it('are ready without anybody asking', async () => {
    const h = fixed();
    h.prober.state = 'ready';
    await h.clock.advance(6_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.driver.requests).toEqual([]);
    await h.clock.advance(86_400_000);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('are probed sparsely while away, and closely when somebody asks', async () => {
    const h = fixed();
    await h.clock.advance(600_000);
    expect(h.prober.count).toBeLessThan(130);
    expect(h.state).toBe('cold');
    const before = h.prober.count;
    h.enter();
    await h.clock.advance(200);
    expect(h.prober.count - before).toBeGreaterThanOrEqual(5);
    h.prober.state = 'ready';
    await h.clock.advance(200);
    expect(h.gate.open).toEqual(['r1']);
  });

  it('fail who waits when they stay away for the startup time, and come back by themselves', async () => {
    const h = fixed();
    await h.clock.advance(600_000);
    h.enter();
    await h.clock.advance(59_999);
    expect(h.gate.failures).toEqual([]);
    await h.clock.advance(1);
    expect(h.gate.failures[0]?.message).toContain('not ready within 60s: GET /health: unreachable');
    expect(h.enter()?.code).toBe('start_failed');
    h.prober.state = 'ready';
    await h.clock.advance(6_000);
    expect(h.state).toBe('ready');
    expect(h.gate.open).toEqual(['r1']);
    expect(h.activator.snapshot().failure).toBeNull();
  });

  it('do not fail a start for which nobody waits any more', async () => {
    const h = fixed();
    h.enter();
    h.gate.waiting = 0;
    await h.clock.advance(120_000);
    expect(h.event('start-failed')).toBeUndefined();
    expect(h.state).toBe('cold');
  });

  it('are left alone by stop; pause only refuses', async () => {
    const h = fixed();
    h.prober.state = 'ready';
    await h.clock.advance(6_000);
    h.activator.stop();
    h.activator.pause();
    expect(h.gate.refusal?.code).toBe('paused');
    h.activator.resume();
    expect(h.gate.open).toEqual(['r1']);
    expect(h.driver.requests).toEqual([]);
  });
});
