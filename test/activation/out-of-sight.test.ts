import { expect, it } from 'vitest';
import { Harness, withScale } from './harness.ts';

it('a target that may not be looked at fails the start of who asks', async () => {
  const h = new Harness(withScale({ max: 4 }), { replacesLost: true, desired: 0 });
  h.driver.told = { isStale: true, failure: 'cannot list pods', fault: 'forbidden' };
  h.driver.publish();
  h.driver.scaleError = new Error('cannot list pods');
  h.enter();
  await h.clock.advance(1_000);
  expect(h.event('start-failed')).toMatchObject({ reason: 'cannot list pods', fault: 'forbidden' });
  expect(h.gate.failures.map(({ code }) => code)).toEqual(['start_failed']);
});
