/** How a prompt is cut. */
export interface PrefixBlockOptions {
  /** A multiple of 4. Default 256, about 64 tokens of English: a few blocks of a paged cache. */
  readonly blockBytes?: number;
  /** Blocks from the start that count. Default 128. */
  readonly maxBlocks?: number;
}

const multiplierA = 0xcc9e2d51;
const multiplierB = 0x1b873593;

function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, multiplierA);
  const rotated = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), multiplierB);
  return (Math.imul((rotated << 13) | (rotated >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * The chain of block hashes of a prompt (the bytes of `messages` or `prompt` as they came): hash n stands for all
 * bytes up to the end of block n, so two prompts share a hash only where they share the whole start. A last, partial
 * block does not count: the next turn of a conversation would not have it. Hashes have 53 bits, from two lanes of the
 * body of MurmurHash3 (x86_32); they are no secret and resist no attacker, who could at most spoil a cache.
 */
export function prefixBlocks(prompt: Uint8Array, options: PrefixBlockOptions = {}): number[] {
  const { blockBytes = 256, maxBlocks = 128 } = options;
  const count = Math.min(maxBlocks, Math.floor(prompt.length / blockBytes));
  // A copy is aligned, which a part of a larger buffer need not be; reading words halves the time.
  const wordsPerBlock = blockBytes / 4;
  const words = new Int32Array(count * wordsPerBlock);
  new Uint8Array(words.buffer).set(prompt.subarray(0, count * blockBytes));
  const hashes = new Array<number>(count);
  let high = 0x9747b28c;
  let low = 0x3c6ef372;
  for (let block = 0, at = 0; block < count; block++) {
    for (const end = at + wordsPerBlock; at < end; at++) {
      const word = words[at]!;
      high = mix(high, word);
      low = mix(low, word ^ high);
    }
    hashes[block] = (finish(high) & 0x1fffff) * 2 ** 32 + finish(low);
  }
  return hashes;
}
