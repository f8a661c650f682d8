/**
 * A stream of numbers from 0 up to 1 that depends on nothing but the seed and the name: sfc32 (PractRand's small fast
 * counter), begun with the FNV-1a hash of the name. Streams of different names are independent of each other.
 */
export function seededRandom(seed: number, name: string): () => number {
  let a = seed | 0;
  let b = fnv1a(name);
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const next = () => {
    const sum = (((a + b) | 0) + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}
