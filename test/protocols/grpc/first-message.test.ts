import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirstMessage } from '../../../src/protocols/grpc/first-message.ts';

function framed(message: Buffer, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

describe('the first message of a stream', () => {
  it('is found however its bytes are cut, and what came behind it stays', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 });
    const check = (bytes: Uint8Array, behind: Uint8Array, sizes: number[]) => {
      const whole = Buffer.concat([framed(Buffer.from(bytes)), behind]);
      const first = new FirstMessage(1000);
      let at = 0;
      let isThere = false;
      for (const size of [...sizes, whole.length]) {
        if (isThere || at >= whole.length) break;
        isThere = first.push(whole.subarray(at, at + size));
        at += size;
        expect(isThere).toBe(Math.min(at, whole.length) >= bytes.length + 5);
      }
      expect(isThere).toBe(true);
      expect(first.message().equals(bytes)).toBe(true);
      const read = whole.subarray(0, Math.min(at, whole.length));
      expect(first.bytes).toBe(read.length);
      expect(Buffer.concat(first.pieces(null)).equals(read)).toBe(true);
      const other = [Buffer.from('other'), Buffer.from('!')];
      const replaced = Buffer.concat([framed(Buffer.from('other!')), read.subarray(bytes.length + 5)]);
      expect(Buffer.concat(first.pieces(other)).equals(replaced)).toBe(true);
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 20 }), cuts, check));
  });

  it('is refused by its length before it has come', () => {
    const first = new FirstMessage(10);
    expect(() => first.push(framed(Buffer.alloc(11)).subarray(0, 5))).toThrow(
      expect.objectContaining({ code: 'body_too_large' }),
    );
  });

  it('is refused where it is compressed, with the encoding that is read', () => {
    const first = new FirstMessage(10);
    expect(() => first.push(framed(Buffer.alloc(3), 1))).toThrow(
      expect.objectContaining({
        code: 'unsupported_encoding',
        headers: ['grpc-accept-encoding', 'identity'],
      }),
    );
  });
});
