import { expect, it } from 'vitest';
import { Harness, withScale } from './harness.ts';

const began = () => new Harness(withScale({ max: 4 }), { replacesLost: true, desired: 0 });

it.each(['forbidden', 'missing', 'contended'] as const)(
  'a target that cannot be looked at (%s) fails the start of who asks, each time',
  async (fault) => {
    const h = began();
    h.driver.told = { isStale: true, failure: 'no target', fault };
    h.driver.publish();
    h.driver.scaleError = new Error('no target');
    h.enter();
    await h.clock.advance(1_000);
    expect(h.event('start-failed')).toMatchObject({ reason: 'no target', fault });
    expect(h.gate.failures.map(({ code }) => code)).toEqual(['start_failed']);
    h.enter();
    await h.clock.advance(1_000);
    expect(h.gate.failures).toHaveLength(2);
  },
);

it('a target that is out of sight for want of an answer is waited for', async () => {
  const h = began();
  h.driver.told = { isStale: true, failure: 'connection refused' };
  h.driver.publish();
  h.driver.scaleError = new Error('connection refused');
  h.enter();
  await h.clock.advance(1_000);
  expect(h.gate.failures).toEqual([]);
});

it('a target that cannot be looked at is told of also while more come than a timer takes to fire', async () => {
  const h = began();
  const setTimer = h.clock.setTimer.bind(h.clock);
  // As Node's, which fires after a millisecond at the earliest.
  h.clock.setTimer = (atMs, fn) => setTimer(Math.max(atMs, h.clock.nowMs() + 1), fn);
  h.driver.told = { isStale: true, failure: 'no target', fault: 'missing' };
  h.driver.publish();
  h.driver.scaleError = new Error('no target');
  for (let n = 0; n < 10; n++) {
    h.enter();
    await h.clock.advance(0.4);
  }
  expect(h.gate.failures.map(({ code }) => code)).toContain('start_failed');
});
