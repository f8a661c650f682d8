import { describe, expect, it } from 'vitest';
import { Schedules } from '../../src/autoscale/schedule.ts';
import type { ScheduleSettings } from '../../src/core/scaling.ts';

const outside = { min: 0, max: 2 };
const at = (text: string) => Date.parse(text);
const office: ScheduleSettings = {
  cron: '0 8 * * 1-5',
  timeZone: 'Europe/Berlin',
  forMs: 10 * 3_600_000,
  min: 1,
  max: 4,
};

describe('a schedule', () => {
  const schedules = new Schedules([office]);

  it('holds from its begin up to its end, in its time zone', () => {
    // Tuesday, 24 November 2026: Berlin is an hour ahead of UTC.
    expect(schedules.at(at('2026-11-24T06:59:59.999Z'), outside)).toEqual({
      min: 0,
      max: 2,
      reason: null,
      changesAtMs: at('2026-11-24T07:00:00Z'),
    });
    expect(schedules.at(at('2026-11-24T07:00:00Z'), outside)).toEqual({
      min: 1,
      max: 4,
      reason: '0 8 * * 1-5 Europe/Berlin',
      changesAtMs: at('2026-11-24T17:00:00Z'),
    });
    expect(schedules.at(at('2026-11-24T16:59:59.999Z'), outside).min).toBe(1);
    expect(schedules.at(at('2026-11-24T17:00:00Z'), outside)).toMatchObject({
      min: 0,
      changesAtMs: at('2026-11-25T07:00:00Z'),
    });
  });

  it('follows summer time', () => {
    expect(schedules.at(at('2026-07-01T06:00:00Z'), outside).min).toBe(1);
    expect(schedules.at(at('2026-07-01T05:59:59Z'), outside).min).toBe(0);
  });

  it('leaves out the days that it does not name', () => {
    const saturday = schedules.at(at('2026-11-28T10:00:00Z'), outside);
    expect(saturday).toMatchObject({ min: 0, max: 2, changesAtMs: at('2026-11-30T07:00:00Z') });
  });

  it('lasts over midnight, and over its own next begin', () => {
    const night = new Schedules([{ ...office, cron: '0 22 * * *', timeZone: 'UTC', forMs: 8 * 3_600_000 }]);
    expect(night.at(at('2026-11-25T05:59:59Z'), outside).min).toBe(1);
    expect(night.at(at('2026-11-25T06:00:00Z'), outside).min).toBe(0);
    expect(night.at(at('2026-11-25T21:59:59.500Z'), outside).min).toBe(0);
    const always = new Schedules([{ ...office, cron: '0 22 * * *', timeZone: 'UTC', forMs: 48 * 3_600_000 }]);
    expect(always.at(at('2026-11-25T21:00:00Z'), outside)).toMatchObject({
      min: 1,
      changesAtMs: at('2026-11-25T22:00:00Z'),
    });
    expect(always.at(at('2026-11-25T21:59:59.500Z'), outside).min).toBe(1);
  });
});

describe('several schedules', () => {
  const base = { timeZone: 'UTC', forMs: 3_600_000 };
  const noon = (limits: { min: number | null; max: number | null }) => ({
    ...base,
    cron: '0 12 * * *',
    ...limits,
  });
  const limits = (...schedules: ScheduleSettings[]) =>
    new Schedules(schedules).at(at('2026-11-24T12:30:00Z'), { min: 1, max: 5 });

  it('hold with the largest min and the smallest max of those that are open', () => {
    const later = { ...base, cron: '0 13 * * *', min: 9, max: 9 };
    expect(limits(noon({ min: 2, max: null }), noon({ min: 3, max: 8 }), later)).toMatchObject({
      min: 3,
      max: 8,
    });
  });

  it('keep what they do not name, and min goes before max', () => {
    expect(limits(noon({ min: null, max: 3 }))).toMatchObject({ min: 1, max: 3 });
    expect(limits(noon({ min: 7, max: null }))).toMatchObject({ min: 7, max: 7 });
  });

  it('change nothing where there are none', () => {
    expect(limits()).toEqual({ min: 1, max: 5, reason: null, changesAtMs: null });
  });
});

it('a pattern or a zone that nobody can read is an error', () => {
  expect(() => new Schedules([{ ...office, cron: 'at noon' }])).toThrow(TypeError);
  expect(() =>
    new Schedules([{ ...office, timeZone: 'Mars/Olympus' }]).at(at('2026-11-24T12:00:00Z'), outside),
  ).toThrow();
});
