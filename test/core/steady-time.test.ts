import { expect, it } from 'vitest';
import { steadyTime } from '../../src/core/steady-time.ts';
import { ManualClock } from '../support/manual-clock.ts';

it('follows the monotonic clock from the wall time at its start, whatever the wall does later', async () => {
  let jumpMs = 0;
  const clock = new (class extends ManualClock {
    override wallMs(): number {
      return super.wallMs() + jumpMs;
    }
  })();
  const nowMs = steadyTime(clock);
  const startMs = clock.wallMs();
  expect(nowMs()).toBe(startMs);
  jumpMs = -86_400_000;
  await clock.advance(1_500.9);
  expect(nowMs()).toBe(startMs + 1_500);
  jumpMs = 86_400_000;
  expect(nowMs()).toBe(startMs + 1_500);
});
