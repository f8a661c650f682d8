import { expect, it } from 'vitest';
import { SleepBackOff } from '../../src/activation/sleep-back-off.ts';

it('a rung that fails is not tried for a minute, doubling to an hour, until it works', () => {
  const backOff = new SleepBackOff();
  expect(backOff.untilMs('level 1')).toBe(0);
  const delays: number[] = [];
  for (let nowMs = 0; delays.length < 9; nowMs = backOff.untilMs('level 1'))
    delays.push(backOff.fail('level 1', nowMs) / 60_000);
  expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  expect(backOff.untilMs('level 2')).toBe(0);
  backOff.succeed('level 1');
  expect(backOff.fail('level 1', 0)).toBe(60_000);
});

it('another failure within that time does not lengthen it', () => {
  const backOff = new SleepBackOff();
  backOff.fail('level 1', 0);
  expect(backOff.fail('level 1', 20_000)).toBe(40_000);
  expect(backOff.untilMs('level 1')).toBe(60_000);
});
