import { describe, expect, it } from 'vitest';
import { Harness, withScale } from './harness.ts';

const kpa = () => new Harness(withScale({ policy: 'kpa' }));

describe('a revision by the policy kpa', () => {
  it('is ended when its window holds nothing any more', async () => {
    const h = kpa();
    await h.bringUp();
    await h.clock.advance(55_000);
    expect(h.driver.living).toHaveLength(1);
    await h.clock.advance(10_000);
    expect(h.event('scaled')).toMatchObject({
      replicas: 0,
      reason: expect.stringContaining('stable: 0 x 1.4'),
    });
    h.driver.endStopping();
    await h.clock.settle();
    expect(h.state).toBe('cold');
    expect(h.clock.pendingTimers).toBe(0);
  });

  it('stays down when it was stopped, until somebody comes', async () => {
    const h = kpa();
    await h.bringUp();
    await h.takeDown();
    await h.clock.advance(600_000);
    expect(h.driver.living).toEqual([]);
    await h.bringUp();
    expect(h.driver.living).toHaveLength(1);
  });

  it('is not started again for nobody when its start failed', async () => {
    const h = kpa();
    h.prober.state = 'unreachable';
    h.enter();
    await h.clock.settle();
    h.driver.exit(h.driver.living.at(-1)!, 'exited with code 1');
    h.gate.waiting = 0;
    await h.clock.advance(600_000);
    expect(h.driver.living).toEqual([]);
    expect(h.events.filter(({ type }) => type === 'start-failed')).toHaveLength(1);
  });
});
