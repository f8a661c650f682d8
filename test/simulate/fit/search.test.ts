import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstEnough } from '../../../src/simulate/fit/search.ts';

it('the first place that is enough is found by asking few', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(200), fc.nat(220), async (count, first) => {
      let asked = 0;
      const isEnough = async (at: number) => {
        asked++;
        return at >= first;
      };
      expect(await firstEnough({ count, isEnough })).toBe(Math.min(count, first));
      expect(asked).toBeLessThanOrEqual(Math.ceil(Math.log2(count + 1)));
    }),
  );
});
