import { describe, expect, it } from 'vitest';
import { linearAxis, logAxis } from '../../../src/simulate/html/axis.ts';

describe('an axis', () => {
  it.each([
    [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [12_193, [0, 5_000, 10_000, 15_000]],
    [0, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0.07, [0, 0.02, 0.04, 0.06, 0.08]],
  ])('from 0 to %d has round ticks', (largest, ticks) => {
    expect(linearAxis(largest).ticks).toEqual(ticks);
  });

  it('puts values between its ends', () => {
    const { at } = linearAxis(10);
    expect([at(0), at(5), at(10), at(99)]).toEqual([0, 0.5, 1, 1]);
  });

  it('of ratios begins and ends at a 1, 2 or 5, also where there is one value', () => {
    expect(logAxis(3, 450).ticks).toEqual([2, 5, 10, 20, 50, 100, 200, 500]);
    expect(logAxis(10, 10).ticks).toEqual([10, 20]);
    const { at } = logAxis(1, 100);
    expect([at(1), at(10), at(100), at(0.1)]).toEqual([0, 0.5, 1, 0]);
  });
});
