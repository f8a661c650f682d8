import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bag } from '../../src/core/bag.ts';

class Item {
  slot = -1;
}

describe('a bag', () => {
  it('holds what a set would hold, whatever is put in and taken out', () => {
    const items = Array.from({ length: 8 }, () => new Item());
    const changes = fc.array(fc.tuple(fc.boolean(), fc.nat(7)));
    fc.assert(
      fc.property(changes, (all) => {
        const bag = new Bag<Item>();
        const set = new Set<Item>();
        for (const [isIn, index] of all) {
          const item = items[index]!;
          if (!isIn) expect(bag.delete(item)).toBe(set.delete(item));
          else if (!set.has(item)) {
            bag.add(item);
            set.add(item);
          }
          expect(new Set(bag.list())).toEqual(set);
          expect(bag.size).toBe(set.size);
        }
        for (const item of set) bag.delete(item);
        expect(items.every(({ slot }) => slot === -1)).toBe(true);
      }),
    );
  });

  it('shows each of its items although they are taken out meanwhile', () => {
    const items = Array.from({ length: 10 }, () => new Item());
    const bag = new Bag<Item>();
    for (const item of items) bag.add(item);
    const seen = new Set<Item>();
    bag.forEach((item) => {
      seen.add(item);
      bag.delete(item);
      const other = items.find(({ slot }) => slot >= 0);
      if (other !== undefined && seen.has(other)) bag.delete(other);
    });
    expect(seen).toEqual(new Set(items));
  });
});
