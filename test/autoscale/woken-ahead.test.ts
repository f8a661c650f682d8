import { describe, expect, it } from 'vitest';
import { ReturnPool } from '../../src/autoscale/adaptive/return-pool.ts';
import { initialScaleState } from '../../src/autoscale/decide.ts';
import { Decider } from '../../src/autoscale/decider.ts';
import type { Observed, ScaleSpec } from '../../src/core/scaling.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { untouched as idle, noDemand, scaleSettings } from '../support/scale-settings.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const startMs = 20 * second;
/** The stretch begins a start and a hundredth of the age before the hour. */
const wakeMs = hour - 36 * second - startMs;
const endMs = hour + 36 * second;
const spec: ScaleSpec = {
  ...scaleSettings({ coldStartMs: 10 * minute }),
  concurrency: 2,
  startupMs: 600_000,
};

/** A decider whose model was asked each hour for a day, and what it decides at an age of the idle time that follows. */
function hourly(more: Partial<ScaleSpec> = {}) {
  const clock = new ManualClock();
  const decider = new Decider(clock, new ReturnPool());
  let arrived = 1;
  let sinceMs = clock.nowMs();
  let state = initialScaleState;
  const quiet = (): Observed => ({
    ...idle,
    startMs,
    demand: { ...noDemand, arrived },
    ready: state.desired,
    idleSinceMs: sinceMs,
  });
  const decide = () => {
    const decision = decider.decide(quiet(), { ...spec, ...more }, state, clock.nowMs());
    state = decision.state;
    return decision;
  };
  const asked = (afterMs: number) => {
    clock.advanceSync(afterMs);
    decider.returned(clock.nowMs() - sinceMs, arrived++);
    sinceMs = clock.nowMs();
    state = initialScaleState;
  };
  for (let count = 0; count < 24; count++) {
    decide();
    asked(hour);
  }
  return {
    decide,
    asked,
    /** What is decided when the idle time is this old. */
    async at(ageMs: number) {
      await clock.advance(sinceMs + ageMs - clock.nowMs());
      return decide();
    },
    due: (nextAtMs: number | null) => nextAtMs! - sinceMs,
  };
}

describe('a model that is asked each hour', () => {
  it('sleeps, is started in time, and says why', async () => {
    const { decide, at, due } = hourly();
    const asleep = decide();
    expect(asleep.desired).toBe(0);
    expect(due(asleep.nextAtMs)).toBe(wakeMs);
    expect((await at(wakeMs - 1)).desired).toBe(0);
    const woken = await at(wakeMs);
    expect(woken).toMatchObject({ desired: 1, reason: 'woken ahead: 96 % of such idle times end after 1h' });
    expect(due(woken.nextAtMs)).toBe(endMs);
  });

  it('goes back to sleep where nobody comes, says so, and is not started again within the same idle time', async () => {
    const { at } = hourly();
    await at(wakeMs);
    expect(await at(endMs - 1)).toMatchObject({ desired: 1 });
    const ended = await at(endMs);
    expect(ended).toMatchObject({
      desired: 0,
      reason: 'woken ahead in vain: nobody came, though 96 % of such idle times end after 1h',
      nextAtMs: null,
    });
    expect(await at(2 * hour)).toMatchObject({ desired: 0, nextAtMs: null });
    expect(await at(25 * hour)).toMatchObject({ desired: 0, nextAtMs: null });
  });

  it('is not started ahead after that until a guess was right again', async () => {
    const { decide, asked, at } = hourly();
    await at(wakeMs);
    await at(endMs);
    asked(hour);
    expect(decide().nextAtMs).toBeNull();
    asked(hour);
    expect(decide().nextAtMs).not.toBeNull();
  });

  it('is left alone where its replicas are kept anyway, and where others own their count', async () => {
    const kept = hourly({ min: 1 });
    expect(await kept.at(wakeMs)).toMatchObject({ desired: 1, reason: 'min is 1' });
    expect(await kept.at(endMs)).toMatchObject({ desired: 1 });
    expect(await hourly({ owner: 'external' }).at(wakeMs)).toMatchObject({ desired: 0 });
  });

  it('is started ahead beside windows of time, within their limits', async () => {
    const schedules = [{ cron: '0 0 1 1 *', timeZone: 'UTC', forMs: hour, min: 2, max: null }];
    const { decide, at } = hourly({ schedules });
    expect(decide().desired).toBe(0);
    expect(await at(wakeMs)).toMatchObject({ desired: 1, reason: expect.stringMatching(/^woken ahead: /) });
    expect((await at(endMs)).desired).toBe(0);
  });
});

it('a model that is asked at no particular time is never started ahead', () => {
  const clock = new ManualClock();
  const decider = new Decider(clock, new ReturnPool());
  let sinceMs = clock.nowMs();
  for (let count = 1; count < 200; count++) {
    const demand = { ...noDemand, arrived: count };
    const observed: Observed = { ...idle, startMs, demand, idleSinceMs: sinceMs };
    expect(decider.decide(observed, spec, initialScaleState, clock.nowMs())).toMatchObject({
      desired: 0,
      nextAtMs: null,
    });
    // Quantiles of an exponential distribution with a mean of an hour, in no order.
    const gapMs = -Math.log(1 - ((count * 0.618_034) % 1)) * hour;
    clock.advanceSync(gapMs);
    decider.returned(clock.nowMs() - sinceMs, count);
    sinceMs = clock.nowMs();
  }
});
