import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../src/jobs/delivery-backoff.ts';

const dayMs = 86_400_000;
const facts = { attempts: 1, retryAfterMs: null, random: 0.5, ageMs: 0, giveUpAfterMs: dayMs };

describe('when a webhook is tried again', () => {
  it('doubles from 5 s up to an hour', () => {
    const delays = [1, 2, 3, 10, 11, 1_000].map((attempts) => retryDelayMs({ ...facts, attempts }));
    expect(delays).toEqual([5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000]);
  });

  it('is when its receiver wants it, within an hour', () => {
    expect(retryDelayMs({ ...facts, retryAfterMs: 120_000 })).toBe(120_000);
    expect(retryDelayMs({ ...facts, retryAfterMs: dayMs })).toBe(3_600_000);
  });

  it('ends with a last try when its day is over', () => {
    expect(retryDelayMs({ ...facts, attempts: 30, ageMs: dayMs - 1_000 })).toBe(1_000);
    expect(retryDelayMs({ ...facts, attempts: 30, ageMs: dayMs })).toBeNull();
  });

  it('comes to an end after a day, whatever the chance and the receiver say', () => {
    const next = fc.record({
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      retryAfterMs: fc.option(fc.nat(dayMs)),
    });
    fc.assert(
      fc.property(fc.infiniteStream(next), (chances) => {
        let ageMs = 0;
        let attempts = 0;
        for (const chance of chances) {
          const delayMs = retryDelayMs({ ...facts, ...chance, attempts: ++attempts, ageMs });
          if (delayMs === null) break;
          expect(delayMs).toBeGreaterThan(0);
          ageMs += delayMs;
        }
        expect(ageMs).toBe(dayMs);
        expect(attempts).toBeGreaterThan(20);
        expect(attempts).toBeLessThan(60);
      }),
    );
  });
});
