import { describe, expect, it } from 'vitest';
import { byRatio, byReplica, byShare } from '../../../src/autoscale/signals/hpa.ts';

describe('the arithmetic of an HPA', () => {
  // value, target, ready -> count
  it.each([
    [12, 5, 1, 3],
    [5, 5, 1, 1],
    // Within a tenth, either way: what there is.
    [5.5, 5, 2, 2],
    [4.5, 5, 2, 2],
    // Beyond it.
    [5.51, 5, 2, 3],
    [4.4, 5, 8, 8],
    [4.4, 5, 9, 8],
    [3.2, 2, 2, 4],
    [1, 5, 4, 1],
    [0, 5, 4, 0],
    // At most double, or four more.
    [1_000, 5, 1, 5],
    [1_000, 5, 4, 8],
    [1_000, 5, 10, 20],
  ])('by ratio: %d with the target %d and %d ready asks for %d', (value, target, ready, count) => {
    expect(byRatio(value, target, ready)).toBe(count);
  });

  // sum, target, current -> count
  it.each([
    [50, 10, 1, 5],
    [50, 10, 5, 5],
    [51, 10, 5, 5],
    [56, 10, 5, 6],
    [1, 10, 1, 1],
    [0, 10, 3, 0],
    // Those that start are counted: the same sum asks for the same count.
    [50, 10, 3, 5],
    [3, 1.5, 1, 2],
  ])('by share: %d with the target %d and %d there asks for %d', (sum, target, current, count) => {
    expect(byShare(sum, target, current)).toBe(count);
  });

  it.each<[string, readonly number[], number, number, number, number | null]>([
    ['nobody tells', [], 2, 1, 5, null],
    ['one far above', [50], 0, 0, 5, 10],
    ['all at the target', [5, 5], 0, 0, 5, 2],
    ['within a tenth', [5.4, 5.4], 0, 0, 5, 2],
    ['one fuller than the other', [9, 5], 0, 0, 5, 3],
    ['less than a half', [20, 20], 0, 0, 48, 1],
    ['half of the target', [2, 3], 0, 0, 5, 1],
    ['nothing to do', [0, 0], 0, 0, 5, 0],
    // What starts has 0 where more would be asked for: 15 in 3 replicas is the target.
    ['one starts, and will do', [7, 8], 0, 1, 5, 3],
    ['one starts, and will not do', [12, 12], 0, 1, 5, 5],
    ['one starts while too much is there', [1, 1], 0, 1, 5, 1],
    // Who is silent has 0 where more would be asked for, and the target where fewer would.
    ['a silent one may have room', [7], 1, 0, 5, 2],
    ['a silent one cannot have room enough', [20], 1, 0, 5, 4],
    ['a silent one may be full', [0], 1, 0, 5, 1],
    ['a silent one may be full, of three', [4, 0], 1, 0, 5, 2],
    ['the silent ones leave it near the target', [4, 4], 8, 0, 5, 10],
    // 0.9 of 10 with two of four silent at 0: the ratio turns, and what there is stays.
    ['filled up it would turn', [6, 6], 2, 0, 5, 4],
  ])('by replica: %s', (_, values, missing, starting, target, count) => {
    expect(byReplica({ values, missing, starting }, target)).toBe(count);
  });
});
