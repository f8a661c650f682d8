import { describe, expect, it } from 'vitest';
import { Harness, withScale } from './harness.ts';

const idleMs = 10_000;

describe('a gateway on standby', () => {
  it('refuses with the name of the leader, and asks the driver for nothing', async () => {
    const h = new Harness(withScale({ min: 1 }));
    await h.clock.settle();
    h.driver.requests.length = 0;
    h.leadership.lose('gateway-b');
    const refusal = h.enter();
    expect(refusal).toMatchObject({
      code: 'standby',
      spec: { status: 503, shouldRetry: true, retryAfter: true },
    });
    expect(refusal?.message).toContain('"gateway-b" leads');
    h.activator.warm();
    await h.clock.advance(1_000);
    expect(h.driver.counts).toEqual([]);
  });

  it('says so too where nobody is known to lead', () => {
    const h = new Harness();
    h.leadership.lose(null);
    expect(h.enter()?.message).toContain('no gateway is known to lead');
  });

  it('that loses the lease while a start runs keeps who waits, and fails no start of which it cannot know', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true });
    h.driver.isLate = true;
    h.enter();
    await h.clock.settle();
    h.leadership.lose();
    await h.clock.advance(200_000);
    expect(h.gate.failures).toEqual([]);
    expect(h.gate.waiting).toBe(1);
    expect(h.event('start-failed')).toBeUndefined();
    expect(h.driver.counts).toEqual([1]);
  });

  it('lowers nothing, and a new leader only from the moment on that it is told', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true });
    await h.bringUp();
    h.driver.requests.length = 0;
    h.leadership.lose();
    await h.clock.advance(idleMs * 3);
    expect(h.driver.counts).toEqual([]);
    h.leadership.gain(h.clock.nowMs() + 30_000);
    await h.clock.advance(29_000);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(2_000);
    expect(h.driver.counts).toEqual([0]);
  });

  it('that takes over calls no model idle for the time in which it saw no request', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true });
    await h.bringUp();
    h.driver.requests.length = 0;
    h.leadership.lose();
    await h.clock.advance(idleMs * 3);
    h.leadership.gain();
    await h.clock.advance(idleMs - 1_000);
    expect(h.driver.counts).toEqual([]);
    await h.clock.advance(2_000);
    expect(h.driver.counts).toEqual([0]);
  });

  it('that takes over reconciles at once: whoever waits is served', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true });
    h.leadership.lose();
    h.gate.waiting = 1;
    await h.clock.advance(1_000);
    expect(h.driver.counts).toEqual([]);
    h.leadership.gain(h.clock.nowMs() + 60_000);
    expect(h.driver.counts).toEqual([1]);
  });

  it('follows what the leader asks for', async () => {
    const h = new Harness(withScale({ idleMs }), { replacesLost: true });
    h.leadership.lose();
    h.prober.state = 'ready';
    h.driver.byOthers(1);
    h.driver.control();
    h.driver.run('r1');
    await h.clock.advance(100);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.state).toBe('ready');
    expect(h.driver.counts).toEqual([]);
  });

  it('does not listen any more when it is closed', async () => {
    const h = new Harness();
    await h.activator.close();
    expect(h.leadership.listeners).toBe(0);
  });
});
