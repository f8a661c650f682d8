import { describe, expect, it } from 'vitest';
import { defaults, Harness, withScale } from './harness.ts';

describe('waking', () => {
  it('asks the driver once, however many come', async () => {
    const h = new Harness(withScale({ max: 1 }));
    for (let i = 0; i < 50; i++) expect(h.enter()).toBeNull();
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1]);
    expect(h.state).toBe('starting');
    expect(h.typesOf().filter((type) => type === 'woken')).toHaveLength(1);
  });

  it('tells the gate of a replica when its probe passes, and records the steps', async () => {
    const h = new Harness();
    h.enter();
    await h.clock.advance(100);
    h.driver.run('r1', 50);
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual([]);
    h.prober.state = 'loading';
    await h.clock.advance(1_000);
    expect(h.activator.wakeInfo()).toMatchObject({ state: 'starting', step: 'loading', sinceMs: 2_100 });
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.gate.replicas.get('r1')?.limit).toBe(2);
    expect(h.state).toBe('ready');
    const [start] = h.activator.snapshot().lastStarts;
    expect(start).toMatchObject({ replicaId: 'r1', outcome: 'ready' });
    expect(start?.steps.map(({ name }) => name)).toEqual(['spawned', 'port open', 'loading', 'ready']);
    expect(start?.steps[0]).toEqual({ name: 'spawned', offsetMs: 50 });
    expect(h.event('ready')?.totalMs).toBe(start?.totalMs);
  });

  it('makes one probe at a time', async () => {
    const h = new Harness();
    h.enter();
    await h.clock.settle();
    h.prober.isHanging = true;
    h.driver.run('r1');
    h.driver.publish();
    await h.clock.advance(5_000);
    h.driver.publish();
    expect(h.prober.count).toBe(1);
    h.prober.release();
    await h.clock.advance(1_000);
    expect(h.prober.count).toBeGreaterThan(1);
    expect(h.prober.peak).toBe(1);
  });

  it('goes on to ready after its last waiter has left, and stays up for the idle time', async () => {
    const h = new Harness(withScale({ idleMs: 2_000 }));
    h.enter();
    h.gate.waiting = 0;
    await h.clock.settle();
    h.driver.run('r1');
    await h.clock.advance(20_000);
    expect(h.driver.counts).toEqual([1]);
    h.prober.state = 'ready';
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    await h.clock.advance(900);
    expect(h.gate.open).toEqual(['r1']);
    await h.clock.advance(2_000);
    expect(h.gate.open).toEqual([]);
    expect(h.driver.counts).toEqual([1, 0]);
  });

  it('brings min replicas up at the start', async () => {
    const h = new Harness(withScale({ min: 2 }));
    await h.clock.settle();
    expect(h.driver.counts).toEqual([2]);
  });

  it('scales up when somebody queues although replicas are ready', async () => {
    const h = new Harness();
    await h.bringUp();
    h.gate.run('r1', 2);
    h.gate.waiting = 1;
    h.activator.demand();
    h.activator.demand();
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1, 2]);
  });

  it('ramps a fresh replica from one request to its limit', async () => {
    const h = new Harness({ ...withScale({ rampMs: 10_000 }), concurrency: 10 });
    await h.bringUp(0);
    const limits: number[] = [];
    for (let i = 0; i < 12; i++) {
      limits.push(h.gate.replicas.get('r1')!.limit);
      await h.clock.advance(1_000);
    }
    expect(limits[0]).toBe(1);
    expect(limits).toEqual(limits.toSorted((a, b) => a - b));
    expect(limits.at(-1)).toBe(10);
    expect(new Set(limits).size).toBeGreaterThan(5);
  });

  it('wakes and refuses with cold when the model is set to reject', async () => {
    const h = new Harness({ ...defaults, cold: 'reject' });
    expect(h.enter()?.code).toBe('cold');
    await h.clock.settle();
    expect(h.driver.counts).toEqual([1]);
  });
});

describe('deadlines', () => {
  async function learned(starts: number): Promise<Harness> {
    const h = new Harness();
    for (let i = 0; i < starts; i++) {
      await h.bringUp(4_000);
      await h.takeDown();
    }
    return h;
  }

  it('refuses who cannot make it after five learned starts, and wakes all the same', async () => {
    const h = await learned(5);
    const refusal = h.enter(h.clock.nowMs() + 2_000);
    expect(refusal?.code).toBe('would_not_make_it');
    expect(refusal?.retryAfterMs).toBeGreaterThan(3_000);
    await h.clock.settle();
    expect(h.driver.counts.at(-1)).toBe(1);
    expect(h.enter(h.clock.nowMs() + 6_000)).toBeNull();
    await h.clock.advance(3_000);
    expect(h.enter(h.clock.nowMs() + 2_000)).toBeNull();
  });

  it('refuses nobody for their deadline with four learned starts, or when told not to', async () => {
    const four = await learned(4);
    expect(four.enter(four.clock.nowMs() + 2_000)).toBeNull();
    const off = await learned(5);
    off.activator.configure({ ...defaults, deadlineAware: false });
    expect(off.enter(off.clock.nowMs() + 2_000)).toBeNull();
  });

  it('expects the median of past starts', async () => {
    const h = await learned(3);
    h.enter();
    await h.clock.advance(1_000);
    const { etaMs, sinceMs } = h.activator.wakeInfo();
    expect(sinceMs).toBe(1_000);
    expect(etaMs).toBeGreaterThan(2_900);
    expect(etaMs).toBeLessThan(4_000);
  });

  it.each([-5, 0, 5])('sees within 2 ms that it is ready, %d ms off the learned time', async (offMs) => {
    const h = await learned(3);
    const { totalMs } = h.event('ready')!;
    h.prober.state = 'loading';
    h.enter();
    await h.clock.settle();
    h.driver.run(h.driver.living[0]!, h.clock.nowMs());
    await h.clock.advance(totalMs + offMs);
    h.prober.state = 'ready';
    await h.clock.advance(2);
    expect(h.state).toBe('ready');
    expect(h.prober.peak).toBe(1);
  });
});

describe('a failed start', () => {
  it('fails its waiters at once with the reason, the phase and the last line of output', async () => {
    const h = new Harness();
    h.enter();
    await h.clock.settle();
    h.driver.run('r1');
    h.driver.print('r1', ['loading', 'CUDA out of memory']);
    await h.clock.advance(700);
    h.driver.exit('r1', 'exited with code 1');
    expect(h.gate.failures).toHaveLength(1);
    expect(h.gate.failures[0]).toMatchObject({ code: 'start_failed', phase: 'spawned' });
    expect(h.gate.failures[0]?.message).toContain('exited with code 1: CUDA out of memory');
    expect(h.state).toBe('failed');
    expect(h.driver.counts.at(-1)).toBe(0);
    expect(h.activator.snapshot().failure).toMatchObject({
      retryInMs: 1_000,
      output: ['loading', 'CUDA out of memory'],
    });
    const told = { replicaId: 'r1', totalMs: 700, phase: 'spawned' };
    expect(h.event('start-failed')).toMatchObject(told);
    expect(h.activator.snapshot().lastStarts[0]).toMatchObject({ outcome: 'failed', ...told });
  });

  it('refuses during the back-off, which doubles to a minute; the next request after it tries again', async () => {
    const h = new Harness();
    const delays: number[] = [];
    for (let i = 0; i < 8; i++) {
      expect(h.enter()).toBeNull();
      await h.clock.settle();
      h.driver.exit(h.driver.living[0]!);
      await h.clock.settle();
      const refusal = h.enter();
      expect(refusal?.code).toBe('start_failed');
      delays.push(refusal!.retryAfterMs);
      await h.clock.advance(refusal!.retryAfterMs - 1);
      expect(h.enter()?.code).toBe('start_failed');
      await h.clock.advance(1);
      expect(h.driver.living).toEqual([]);
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000));
  });

  it('forgets the back-off when a start becomes ready', async () => {
    const h = new Harness();
    h.enter();
    await h.clock.settle();
    h.driver.exit('r1');
    await h.clock.advance(1_000);
    await h.bringUp();
    expect(h.activator.snapshot().failure).toBeNull();
  });

  it('is one that passes its startup deadline, and not a millisecond before', async () => {
    const h = new Harness();
    h.prober.state = 'loading';
    h.enter();
    await h.clock.settle();
    h.driver.run('r1');
    await h.clock.advance(59_999);
    expect(h.gate.failures).toEqual([]);
    expect(h.driver.counts).toEqual([1]);
    await h.clock.advance(1);
    expect(h.gate.failures[0]?.message).toContain('not ready within 60s: GET /health: loading');
    expect(h.driver.counts.at(-1)).toBe(0);
  });

  it('is one of which no replica appears', async () => {
    const h = new Harness();
    h.driver.scale = () => Promise.resolve();
    h.enter();
    await h.clock.advance(60_000);
    expect(h.gate.failures[0]?.message).toContain('no replica appeared within 60s');
    const told = { replicaId: null, totalMs: 60_000, phase: null };
    expect(h.event('start-failed')).toMatchObject(told);
    expect(h.activator.snapshot().lastStarts[0]).toMatchObject({ outcome: 'failed', ...told });
  });

  it('of a further replica that never appears does not keep the others up', async () => {
    const h = new Harness(withScale({ idleMs: 1_000 }));
    await h.bringUp();
    h.gate.run('r1', 2);
    h.gate.waiting = 1;
    h.driver.scale = () => Promise.resolve();
    h.activator.demand();
    h.gate.waiting = 0;
    h.gate.run('r1', 0);
    await h.clock.advance(59_000);
    expect(h.gate.open).toEqual(['r1']);
    await h.clock.advance(5_000);
    expect(h.gate.open).toEqual([]);
  });

  it('is told when the driver cannot be asked, or says that the target cannot start', async () => {
    const refused = new Harness();
    refused.driver.scaleError = new Error('no such namespace');
    refused.enter();
    await refused.clock.settle();
    expect(refused.gate.failures[0]?.message).toContain('no such namespace');

    const missing = new Harness();
    missing.driver.scale = async () => missing.driver.fail('command not found: vllm');
    missing.activator.whenCold(Number.POSITIVE_INFINITY);
    expect(missing.state).toBe('failed');
    expect(missing.enter()?.message).toContain('command not found: vllm');
  });

  it('refuses the one whose own wake fails within the call', () => {
    const h = new Harness();
    h.driver.scale = async () => h.driver.fail('command not found: vllm');
    expect(h.enter()?.code).toBe('start_failed');
  });

  it('is tried again after the back-off without a request where min asks for it', async () => {
    const h = new Harness(withScale({ min: 1 }));
    await h.clock.settle();
    h.driver.exit('r1');
    await h.clock.advance(999);
    expect(h.driver.living).toEqual([]);
    await h.clock.advance(1);
    expect(h.driver.living).toEqual(['r2']);
  });

  it('fails nobody while another replica takes requests', async () => {
    const h = new Harness();
    await h.bringUp();
    h.gate.run('r1', 2);
    h.gate.waiting = 1;
    h.activator.demand();
    await h.clock.settle();
    h.driver.exit('r2');
    await h.clock.settle();
    expect(h.gate.failures).toEqual([]);
    expect(h.state).toBe('ready');
    await h.clock.advance(1_000);
    expect(h.driver.living).toEqual(['r1', 'r3']);
  });
});
