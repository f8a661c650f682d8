import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefixBlocks } from '../../../src/admission/choice/prefix-blocks.ts';

describe('prefix blocks', () => {
  it('are the same exactly as far as two prompts are', () => {
    const bytes = fc.uint8Array({ minLength: 64, maxLength: 256 });
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (prompt, place, flip) => {
        const other = prompt.slice();
        const at = place % prompt.length;
        other[at] = other[at]! ^ flip;
        const [one, two] = [prompt, other].map((it) => prefixBlocks(it, { blockBytes: 16 }));
        one?.forEach((hash, block) => {
          expect(hash === two?.[block]).toBe(block < Math.floor(at / 16));
        });
      }),
    );
  });

  it('are those of the bytes, wherever in a larger buffer they lie', () => {
    const whole = Buffer.from('x'.repeat(3) + 'the same prompt '.repeat(40));
    expect(prefixBlocks(whole.subarray(3))).toEqual(prefixBlocks(Uint8Array.from(whole.subarray(3))));
  });

  it('leave out a partial block and what is beyond the maximum', () => {
    const prompt = new Uint8Array(1_000);
    expect(prefixBlocks(prompt)).toHaveLength(3);
    expect(prefixBlocks(prompt, { maxBlocks: 2 })).toEqual(prefixBlocks(prompt).slice(0, 2));
    expect(prefixBlocks(new Uint8Array(255))).toEqual([]);
  });

  it('are distinct safe integers over many prompts', () => {
    const hashes = new Set<number>();
    for (let i = 0; i < 50_000; i++) {
      const prompt = new Uint8Array(new Uint32Array([i, 0, 0, 0]).buffer);
      hashes.add(prefixBlocks(prompt, { blockBytes: 16 })[0]!);
    }
    expect(hashes.size).toBe(50_000);
    expect([...hashes].every(Number.isSafeInteger)).toBe(true);
  });
});
