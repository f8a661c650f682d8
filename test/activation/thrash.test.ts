import { expect, it } from 'vitest';
import { Harness, withScale } from './harness.ts';

const idleMs = 30_000;

it('a start soon after a stop is told once, and shown until the next stop lasts', async () => {
  const h = new Harness(withScale({ idleMs }));
  await h.bringUp();
  expect(h.activator.snapshot().thrash).toBeNull();
  await h.clock.advance(idleMs + 1_000);
  h.driver.endStopping();
  await h.clock.settle();
  expect(h.state).toBe('cold');
  await h.bringUp();
  const thrashes = h.events.filter(({ type }) => type === 'thrash');
  expect(thrashes).toHaveLength(1);
  const { afterMs, count } = h.event('thrash')!;
  expect(count).toBe(1);
  expect(afterMs).toBeLessThanOrEqual(1_000);
  const { thrash } = h.activator.snapshot();
  expect(thrash?.count).toBe(1);
  expect(h.clock.wallMs() - thrash!.lastAtMs).toBeLessThanOrEqual(3_000);
  await h.clock.advance(idleMs + 1_000);
  expect(h.activator.snapshot().decision).toMatch(/^idle, not for long enough \(twice as long/);
  await h.clock.advance(idleMs);
  expect(h.event('to-zero')?.reason).toMatch(/^idle for 60s \(twice/);
});

it('a start after an operator stopped the model is no thrash', async () => {
  const h = new Harness(withScale({ idleMs }));
  await h.bringUp();
  await h.takeDown();
  await h.bringUp();
  expect(h.event('thrash')).toBeUndefined();
});
