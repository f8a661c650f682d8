import { describe, expect, it } from 'vitest';
import { RecentBlocks } from '../../../src/admission/choice/recent-blocks.ts';

describe('recent blocks', () => {
  it('match only from the start of the chain', () => {
    const recent = new RecentBlocks(10);
    recent.add([1, 2, 3]);
    expect([recent.matchOf([1, 2, 9]), recent.matchOf([9, 2, 3]), recent.matchOf([])]).toEqual([2, 0, 0]);
  });

  it('forget the ends of the oldest chains first', () => {
    const recent = new RecentBlocks(4);
    recent.add([1, 2, 3]);
    recent.add([7, 8]);
    expect([recent.matchOf([1, 2, 3]), recent.matchOf([7, 8])]).toEqual([2, 2]);
    recent.add([1, 2, 4]);
    expect([recent.matchOf([1, 2, 4]), recent.matchOf([7, 8])]).toEqual([3, 1]);
  });
});
