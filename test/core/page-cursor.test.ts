import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cursorOf, readCursor } from '../../src/core/page-cursor.ts';

describe('cursor of a page', () => {
  it('is read as it was written, and needs no escaping in a query', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string({ unit: 'grapheme', minLength: 1 }), (createdAtMs, id) => {
        const cursor = cursorOf({ createdAtMs, id });
        expect(cursor).toMatch(/^[\w-]+$/);
        expect(readCursor(cursor)).toEqual({ createdAtMs, id });
      }),
    );
  });

  it.each([
    '',
    'nonsense',
    '-',
    Buffer.from('12').toString('base64url'),
    Buffer.from('x y').toString('base64url'),
  ])('is not read out of %j', (text) => expect(readCursor(text)).toBeNull());
});
