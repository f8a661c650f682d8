import { describe, expect, it } from 'vitest';
import { bisect, interpolate } from '../../bench/policies/matching.ts';
import { cutAt } from '../../src/simulate/cut-trace.ts';
import { TraceBuilder } from '../../src/simulate/trace.ts';

describe('a curve', () => {
  const curve = [
    { x: 10, y: 100 },
    { x: 40, y: 10 },
    { x: 20, y: 60 },
  ];

  it('is linear between its points, in whatever order they are', () => {
    expect([10, 15, 20, 30, 40].map((x) => interpolate(curve, x))).toEqual([100, 80, 60, 35, 10]);
  });

  it('has no value outside of them', () => {
    expect(() => interpolate(curve, 9)).toThrow('does not reach 9');
    expect(() => interpolate(curve, 41)).toThrow('does not reach 41');
  });
});

describe('a search', () => {
  const search = { from: 1, to: 10_000, tolerance: 0, valueAt: async (at: number) => at ** 2 };

  it('finds the whole number whose value is nearest', async () => {
    expect(await bisect({ ...search, target: 1_000_000 })).toBe(1_000);
    expect(await bisect({ ...search, target: 50 })).toBe(7);
    expect(await bisect({ ...search, target: 1 })).toBe(1);
    expect(await bisect({ ...search, target: 100_000_000 })).toBe(10_000);
  });

  it('is content with the tolerance, in few tries', async () => {
    let tries = 0;
    const valueAt = async (at: number) => {
      tries++;
      return at ** 2;
    };
    const found = await bisect({ ...search, target: 1_000_000, tolerance: 0.05, valueAt });
    expect(Math.abs(found / 1_000 - 1)).toBeLessThan(0.05);
    expect(tries).toBeLessThan(11);
  });

  it('refuses a target that is not between its ends', async () => {
    await expect(bisect({ ...search, target: 0 })).rejects.toThrow('0 is not between 1 and 100000000');
  });
});

it('a trace that is cut knows nothing of what comes after', () => {
  const builder = new TraceBuilder();
  for (const [model, arrivalMs] of [
    ['a', 0],
    ['b', 999],
    ['a', 1_000],
    ['c', 5_000],
  ] as const)
    builder.add({ model, arrivalMs, execMs: 10_000 }, 'start');
  const { count, arrivalMs, execMs, model, endMs } = cutAt(builder.build(), 1_000);
  expect([count, [...arrivalMs], execMs.length, [...model], endMs]).toEqual([2, [0, 999], 2, [0, 1], 1_000]);
});
