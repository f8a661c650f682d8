import { describe, expect, it } from 'vitest';
import { rampAt } from '../../src/activation/ramp.ts';

describe('a slow start', () => {
  it('begins with one request and ends with the full limit', () => {
    expect(rampAt(50, 10_000, 0)).toEqual({ limit: 1, nextMs: 1_000 });
    expect(rampAt(50, 10_000, 5_000)).toEqual({ limit: 25, nextMs: 6_000 });
    expect(rampAt(50, 10_000, 10_000)).toEqual({ limit: 50, nextMs: null });
  });

  it('ends without a limit where there is none', () => {
    expect(rampAt(0, 10_000, 0).limit).toBe(1);
    expect(rampAt(0, 10_000, 9_999).limit).toBe(90);
    expect(rampAt(0, 10_000, 10_000)).toEqual({ limit: 0, nextMs: null });
  });

  it('is over at once where it is off or cannot grow', () => {
    expect(rampAt(50, 0, 0)).toEqual({ limit: 50, nextMs: null });
    expect(rampAt(1, 10_000, 0)).toEqual({ limit: 1, nextMs: null });
  });
});
