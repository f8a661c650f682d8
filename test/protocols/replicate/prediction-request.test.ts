import { describe, expect, it } from 'vitest';
import { deadlineOf, waitOf } from '../../../src/protocols/replicate/prediction-request.ts';

describe('Prefer: wait', () => {
  it.each([
    ['wait', 60_000],
    ['wait=5', 5_000],
    ['wait="7"', 7_000],
    ['respond-async, wait=30', 30_000],
    ['WAIT=1', 1_000],
    ['respond-async', null],
    [undefined, null],
  ])('%s is %s ms', (prefer, waitMs) => {
    expect(waitOf(prefer)).toBe(waitMs);
  });

  it.each(['wait=0', 'wait=61'])('%s is refused with the bounds', (prefer) => {
    expect(() => waitOf(prefer)).toThrow('Prefer: wait must be from 1 to 60 seconds');
  });
});

describe('Cancel-After', () => {
  it.each([
    ['90', 90_000],
    ['5s', 5_000],
    ['1m', 60_000],
    ['1h30m', 5_400_000],
    ['24h', 86_400_000],
    [undefined, null],
  ])('%s is %s ms', (value, ms) => {
    expect(deadlineOf(value)).toBe(ms);
  });

  it.each(['4s', '25h', 'soon', '1m 30', '-5s', ''])('%j is refused with what it must be', (value) => {
    expect(() => deadlineOf(value)).toThrow('Cancel-After must be a duration from 5s to 24h');
  });
});
