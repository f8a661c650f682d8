import { expect, it } from 'vitest';
import { Harness, withScale } from '../activation/harness.ts';

it('a revision whose last replica is lost while another is still ending does not claim to start', async () => {
  const h = new Harness(withScale({ max: 3, idleMs: 10_000 }));
  h.prober.state = 'ready';
  h.enter();
  await h.clock.settle();
  for (const id of h.driver.living) h.driver.run(id);
  await h.clock.advance(5);
  const [first] = h.gate.open;
  h.gate.run(first!, 1);
  h.gate.waiting = 2;
  h.activator.demand();
  await h.clock.settle();
  expect(h.driver.living).toHaveLength(2);
  h.activator.stop();
  h.prober.state = 'unreachable';
  await h.clock.advance(5);
  h.activator.resume();
  h.activator.warm();
  await h.clock.settle();
  h.gate.run(first!, 0);
  for (const id of h.driver.living) h.driver.exit(id);
  await h.clock.settle();
  expect(h.driver.living).toEqual([]);
  expect(h.state).not.toBe('starting');
});
