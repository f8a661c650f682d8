import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frontierOf } from '../../src/simulate/frontier.ts';

const pair = fc.record({ x: fc.integer({ min: 0, max: 20 }), y: fc.integer({ min: 0, max: 20 }) });
const beats = (a: { x: number; y: number }, b: { x: number; y: number }) =>
  a.x <= b.x && a.y <= b.y && (a.x < b.x || a.y < b.y);

describe('the frontier', () => {
  it('has whatever no other point beats, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(pair), (points) => {
        const kept = frontierOf(points);
        for (const point of kept) expect(points.some((other) => beats(other, point))).toBe(false);
        for (const point of points)
          expect(
            kept.some((other) => beats(other, point) || (other.x === point.x && other.y === point.y)),
          ).toBe(true);
      }),
    );
  });

  it('goes from left to right, and of equals has the first', () => {
    const points = [
      { x: 5, y: 1, name: 'c' },
      { x: 1, y: 9, name: 'a' },
      { x: 1, y: 9, name: 'b' },
      { x: 3, y: 9, name: 'd' },
    ];
    expect(frontierOf(points).map(({ name }) => name)).toEqual(['a', 'c']);
  });
});
