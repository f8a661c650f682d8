import { expect, it } from 'vitest';
import { initialScaleState } from '../../src/autoscale/decide.ts';
import { Decider } from '../../src/autoscale/decider.ts';
import type { Observed, ScaleSpec } from '../../src/core/scaling.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { noDemand, scaleSettings } from '../support/scale-settings.ts';

const idle: Observed = {
  waiting: 0,
  inFlight: 0,
  idleSinceMs: 0,
  ready: 0,
  starting: 0,
  isWanted: false,
  demand: noDemand,
};
const hourMs = 3_600_000;

/** A spec with a window that begins in `inMs` of the clock's wall, rounded to minutes, and lasts an hour. */
function windowed(clock: ManualClock, inMs: number): ScaleSpec {
  const begin = new Date(Math.ceil((clock.wallMs() + inMs) / 60_000) * 60_000);
  const cron = `${begin.getUTCMinutes()} ${begin.getUTCHours()} * * *`;
  const schedules = [{ cron, timeZone: 'UTC', forMs: hourMs, min: 2, max: null }];
  return { ...scaleSettings({ max: 4, schedules }), concurrency: 2, startupMs: 600_000 };
}

it('a window is decided on when it begins, and its end is asked for', async () => {
  const clock = new ManualClock();
  const { decide } = new Decider(clock);
  const spec = windowed(clock, 120_000);
  const before = decide(idle, spec, initialScaleState, clock.nowMs());
  expect(before.desired).toBe(0);
  const begins = before.nextAtMs!;
  expect(begins - clock.nowMs()).toBeGreaterThan(60_000);
  expect(begins - clock.nowMs()).toBeLessThanOrEqual(180_000);
  await clock.advance(begins - clock.nowMs());
  const within = decide(idle, spec, before.state, clock.nowMs());
  expect(within.desired).toBe(2);
  expect(within.reason).toMatch(/^min is 2 \(schedule \d+ \d+ \* \* \* UTC\)$/);
  expect(within.nextAtMs).toBe(clock.nowMs() + hourMs);
});

it('a window that is far away is looked at again within the hour, for clocks are set', () => {
  const clock = new ManualClock();
  const { nextAtMs } = new Decider(clock).decide(
    idle,
    windowed(clock, 5 * hourMs),
    initialScaleState,
    clock.nowMs(),
  );
  expect(nextAtMs).toBe(clock.nowMs() + hourMs);
});

it('nothing is asked again where there is no window', () => {
  const clock = new ManualClock();
  const spec = { ...scaleSettings(), concurrency: 2, startupMs: 600_000 };
  expect(new Decider(clock).decide(idle, spec, initialScaleState, 0).nextAtMs).toBeNull();
});
