import { expect, it } from 'vitest';
import { Timings } from '../../src/forward/timings.ts';
import { ManualClock } from '../support/manual-clock.ts';

it('the time to the first token is without the wait for a start, and with that for a slot', () => {
  const clock = new ManualClock();
  const timings = new Timings(clock);
  const wait = (isCold: boolean, ms: number) => {
    timings.queued(isCold);
    clock.advanceSync(ms);
    timings.unqueued();
  };
  wait(true, 60_000);
  wait(false, 300);
  clock.advanceSync(200);
  expect(timings.servedMs(clock.nowMs())).toBe(500);
});
