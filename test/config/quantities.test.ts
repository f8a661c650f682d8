import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/quantities.ts';

describe('durations', () => {
  it('read back every whole number of milliseconds that they write', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2_147_483_647 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['0.3s', 300],
    ['0', 0],
    [0 as const, 0],
  ])('%s is %i milliseconds', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '30', 's', '-1s', '1 s', '1e3s', '1s ', '1S', '.5s', '5ss'])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});

describe('sizes', () => {
  it('read back every whole number of bytes that they write', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
  });

  it('read back multiples of a unit', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1000 }), fc.constantFrom('KiB', 'MiB', 'GiB', 'TiB'), (count, unit) => {
        expect(formatSize(parseSize(`${count}${unit}`)!)).toBe(
          count === 0 ? '0' : formatSize(count * parseSize(`1${unit}`)!),
        );
      }),
    );
  });

  it.each([
    ['512B', 512],
    ['32MiB', 33_554_432],
    ['10MB', 10_000_000],
    ['1.5GiB', 1_610_612_736],
    ['0', 0],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '32', '32M', '32mib', '-1B', '1 MiB', 'MiB', 'KB1'])('"%s" is none', (text) => {
    expect(parseSize(text)).toBeNull();
  });
});
