import { describe, expect, it } from 'vitest';
import { ReturnPool } from '../../src/autoscale/adaptive/return-pool.ts';
import { initialScaleState } from '../../src/autoscale/decide.ts';
import { Decider } from '../../src/autoscale/decider.ts';
import type { Observed, ScaleSpec } from '../../src/core/scaling.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { untouched as idle, noDemand, scaleSettings } from '../support/scale-settings.ts';

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
  const { decide } = new Decider(clock, new ReturnPool());
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
  const { nextAtMs } = new Decider(clock, new ReturnPool()).decide(
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
  expect(new Decider(clock, new ReturnPool()).decide(idle, spec, initialScaleState, 0).nextAtMs).toBeNull();
});

describe('an idle time that is learned', () => {
  const minuteMs = 60_000;
  const spec: ScaleSpec = {
    ...scaleSettings({ coldStartMs: 25 * minuteMs }),
    concurrency: 2,
    startupMs: 600_000,
  };
  const up = { ...initialScaleState, desired: 1 };

  it('is told with its reason, holds until it is over, and is not weighed again meanwhile', async () => {
    const clock = new ManualClock();
    const decider = new Decider(clock, new ReturnPool());
    const quiet: Observed = { ...idle, ready: 1, idleSinceMs: clock.nowMs() };
    const kept = decider.decide(quiet, spec, up, clock.nowMs());
    expect(kept.desired).toBe(1);
    expect(kept.reason).toMatch(/^kept until \d\d:\d\d UTC: \d+ % of returns at this hour come within \d/);
    const keepMs = kept.nextAtMs! - clock.nowMs();
    expect(keepMs).toBeGreaterThan(5 * minuteMs);
    expect(keepMs).toBeLessThan(30 * minuteMs);
    await clock.advance(keepMs - 1);
    expect(decider.decide(quiet, spec, kept.state, clock.nowMs())).toMatchObject({
      desired: 1,
      nextAtMs: kept.nextAtMs,
      reason: kept.reason,
    });
    await clock.advance(1);
    expect(decider.decide(quiet, spec, kept.state, clock.nowMs()).desired).toBe(0);
  });

  it('is no reason where something else decides: nothing is there, a minimum up time, a window, its end', async () => {
    const clock = new ManualClock();
    const reasonFor = (more: Partial<ScaleSpec>, state = up, idleMs = 0) => {
      const quiet: Observed = {
        ...idle,
        ready: state.desired,
        idleSinceMs: clock.nowMs() - idleMs,
      };
      const decider = new Decider(clock, new ReturnPool());
      return decider.decide(quiet, { ...spec, ...more }, state, clock.nowMs()).reason;
    };
    expect(reasonFor({})).toMatch(/^kept until/);
    expect(reasonFor({}, initialScaleState)).toBe('nothing to do');
    const raised = { ...up, raisedAtMs: clock.nowMs() };
    expect(reasonFor({ minUpMs: 5 * hourMs }, raised)).toBe('idle, not for long enough');
    expect(reasonFor({ schedules: windowed(clock, 5 * hourMs).schedules })).toMatch(/^kept until/);
    expect(reasonFor({ min: 1 })).toBe('min is 1');
    expect(reasonFor({}, up, 10 * hourMs)).toMatch(/^idle for \d/);
    expect(reasonFor({ coldStartMs: 1_000 })).toMatch(/^idle: no time of waiting/);
  });

  it('grows for a model that always comes back after a while, and shrinks for one that never does soon', () => {
    const clock = new ManualClock();
    const returns = new ReturnPool();
    const keepMsAfter = (gapMs: number) => {
      const decider = new Decider(clock, returns);
      let arrived = 0;
      const decide = () => {
        const demand = { ...noDemand, arrived };
        const quiet = { ...idle, ready: 1, demand, idleSinceMs: clock.nowMs() };
        return decider.decide(quiet, spec, up, clock.nowMs()).nextAtMs! - clock.nowMs();
      };
      decide();
      for (let count = 0; count < 300; count++) {
        clock.advanceSync(gapMs);
        decider.returned(gapMs, arrived++);
      }
      return decide();
    };
    const often = keepMsAfter(12 * minuteMs);
    const seldom = keepMsAfter(9 * 60 * minuteMs);
    expect(often).toBeGreaterThanOrEqual(12 * minuteMs);
    expect(seldom).toBeLessThan(often / 2);
  });

  it('is the fixed one where the settings say so', () => {
    const clock = new ManualClock();
    const decider = new Decider(clock, new ReturnPool());
    const fixed = { ...spec, coldStartMs: null };
    const quiet: Observed = { ...idle, ready: 1, idleSinceMs: clock.nowMs() };
    expect(decider.decide(quiet, fixed, up, clock.nowMs()).nextAtMs).toBe(clock.nowMs() + fixed.idleMs);
  });
});
