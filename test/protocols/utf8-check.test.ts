import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Utf8Check } from '../../src/protocols/utf8-check.ts';

function check(bytes: Buffer, sizes: readonly number[] = []): number {
  const utf8 = new Utf8Check();
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const fault = utf8.push(bytes.subarray(at, at + size));
    if (fault >= 0) return fault;
    at += size;
  }
  return utf8.end();
}

const pieces = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('c0af', 'eda080', 'f4908080', 'e282', 'f09f98', '80').map((hex) => Buffer.from(hex, 'hex')),
);
const bytes = fc.array(pieces, { maxLength: 6 }).map((parts) => Buffer.concat(parts));

describe('Utf8Check', () => {
  it('agrees with isUtf8 whatever the chunks', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(3), { maxLength: 20 }), (body, sizes) => {
        expect(check(body, sizes) < 0).toBe(isUtf8(body));
        expect(check(body) < 0).toBe(isUtf8(body));
      }),
      { numRuns: 1000 },
    );
  });

  it('names the first byte of the first faulty sequence', () => {
    const good = 'é€😀'.repeat(50);
    const goodBytes = Buffer.byteLength(good);
    for (const hex of ['ff', 'c0af', 'eda08041', '80', 'e28241']) {
      const body = Buffer.concat([Buffer.from(good), Buffer.from(hex, 'hex'), Buffer.from('x'.repeat(500))]);
      expect(check(body)).toBe(goodBytes);
      expect(check(body, Array(body.length).fill(1))).toBe(goodBytes);
    }
    expect(check(Buffer.from('61e282', 'hex'))).toBe(1);
  });
});
