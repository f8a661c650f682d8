import { describe, expect, it } from 'vitest';
import { Foresight } from '../../../src/autoscale/adaptive/foresight.ts';
import { ReturnTimes } from '../../../src/autoscale/adaptive/return-times.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const costs = { startMs: 20 * second, coldStartMs: 25 * minute };
const short = { keepMs: 2 * minute, returnShare: 0.1, valueMs: 0 };

describe('the times at which a model returns', () => {
  it('are known by the time of day where the lengths of idle times say nothing', () => {
    const times = new ReturnTimes();
    // Asked last at some time of the evening, and then at nine.
    const evenings = Array.from({ length: 20 }, (_, at) => at * day + 18 * hour + (at % 7) * 20 * minute);
    for (const beganMs of evenings) times.learn(beganMs, Math.ceil(beganMs / day) * day + 9 * hour - beganMs);
    const beganMs = 20 * day + 18.5 * hour;
    const plan = times.plan({ ...costs, coldStartMs: hour, beganMs, keptMs: 0 })!;
    expect(plan.earliestMs).toBe(14.5 * hour);
    expect(plan.latestMs).toBe(14.5 * hour);
    // An idle time that begins at noon is like none of them, and 13 to 15 hours are too long a stretch to wait.
    expect(times.plan({ ...costs, coldStartMs: hour, beganMs: 20.5 * day, keptMs: 0 })).toBeNull();
  });

  it('are known by the length where the time of day says nothing, and forgotten after 48 others', () => {
    const times = new ReturnTimes();
    expect(times.plan({ ...costs, beganMs: 0, keptMs: 0 })).toBeNull();
    for (let at = 0; at < 48; at++) times.learn(at * 7.3 * hour, 7 * hour);
    expect(times.plan({ ...costs, beganMs: 0, keptMs: 0 })).toMatchObject({
      earliestMs: 7 * hour,
      share: 48 / 49,
    });
    for (let at = 0; at < 48; at++) times.learn(at * 7.3 * hour, (1 + at) * 13 * minute);
    expect(times.plan({ ...costs, beganMs: 0, keptMs: 0 })).toBeNull();
  });
});

describe('foresight', () => {
  /** Idle times of these lengths, one after the other; whether one was started ahead in each. */
  function followed(gapsMs: readonly number[], keep = short, foresight = new Foresight()): boolean[] {
    let wallMs = 0;
    return gapsMs.map((gapMs) => {
      const { wake } = foresight.plan(keep, { ...costs, beganMs: wallMs });
      foresight.returned(wallMs, gapMs);
      wallMs += gapMs;
      return wake !== null;
    });
  }

  it('is followed when five returns are known and four guesses in a row were right', () => {
    const isFollowed = followed(Array.from({ length: 12 }, () => hour));
    expect(isFollowed.indexOf(true)).toBe(9);
    expect(isFollowed.slice(9)).toEqual([true, true, true]);
  });

  it('is not followed after a wrong guess until one was right again', () => {
    const gaps = [...Array.from({ length: 20 }, () => hour), 5 * hour, hour, hour, hour, hour];
    expect(followed(gaps).slice(19)).toEqual([true, true, false, true, true, true]);
  });

  it('learns nothing from a return before the stretch that it has guessed', () => {
    const gaps = [...Array.from({ length: 20 }, () => hour), minute, hour];
    expect(followed(gaps).slice(20)).toEqual([true, true]);
  });

  it('lets a model go at once that would be kept until it returns, where that saves enough', () => {
    const long = { keepMs: 70 * minute, returnShare: 0.9, valueMs: 4 * minute };
    const foresight = new Foresight();
    followed(
      Array.from({ length: 15 }, () => hour),
      long,
      foresight,
    );
    const plan = foresight.plan(long, { ...costs, beganMs: 15 * hour });
    expect(plan.keepMs).toBe(0);
    expect(plan.wake).toMatchObject({ earliestMs: hour });
    const cheap = { ...long, valueMs: 20 * minute };
    expect(foresight.plan(cheap, { ...costs, beganMs: 15 * hour })).toEqual({ ...cheap, wake: null });
  });

  it('guesses nothing while it is not known how long a start takes', () => {
    const foresight = new Foresight();
    followed(
      Array.from({ length: 15 }, () => hour),
      short,
      foresight,
    );
    expect(foresight.plan(short, { ...costs, startMs: null, beganMs: 0 })).toEqual({ ...short, wake: null });
  });
});
