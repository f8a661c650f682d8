import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SortedList } from '../../src/stores/memory/sorted-list.ts';

const value = fc.integer({ min: 0, max: 9_999 });

it('holds what a sorted array would, over many pieces, after any additions and removals', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), value), { minLength: 2_000, maxLength: 4_000 });
  fc.assert(
    fc.property(steps, value, (list, after) => {
      const sorted = new SortedList<number>((a, b) => a - b);
      const plain = new Set<number>();
      // Enough to fill several pieces before anything is taken out of them.
      for (let n = 0; n < 9_999; n += 7) {
        sorted.add(n);
        plain.add(n);
      }
      for (const [isAdded, n] of list) {
        if (!isAdded) {
          sorted.delete(n);
          plain.delete(n);
        } else if (!plain.has(n)) {
          sorted.add(n);
          plain.add(n);
        }
      }
      const expected = [...plain].toSorted((a, b) => a - b);
      expect([...sorted.values()]).toEqual(expected);
      expect([...sorted.values(after)]).toEqual(expected.filter((n) => n > after));
      expect(sorted.first()).toBe(expected[0]);
      for (const n of expected) sorted.delete(n);
      expect([sorted.isEmpty, sorted.first()]).toEqual([true, undefined]);
    }),
    { numRuns: 20 },
  );
});
