import { isUtf8 } from 'node:buffer';

const empty = Buffer.alloc(0);

/** Checks that bytes arriving in chunks are UTF-8; a sequence may be split over chunks. */
export class Utf8Check {
  /** The start of a sequence whose rest is in the next chunk: 0 to 3 bytes. */
  #open: Buffer = empty;
  #seenBytes = 0;

  /** Takes the next chunk. Returns the offset of the first faulty byte since the start, or -1. */
  push(chunk: Buffer): number {
    const base = this.#seenBytes - this.#open.length;
    const bytes = this.#open.length === 0 ? chunk : Buffer.concat([this.#open, chunk]);
    this.#seenBytes += chunk.length;
    const end = completeEnd(bytes, bytes.length);
    const complete = end === bytes.length ? bytes : bytes.subarray(0, end);
    if (!isUtf8(complete)) return base + firstFault(complete);
    // A copy: the caller may reuse the chunk's memory.
    this.#open = end === bytes.length ? empty : Buffer.from(bytes.subarray(end));
    return -1;
  }

  /** Takes the end. Returns the offset of a sequence that was cut short, or -1. */
  end(): number {
    return this.#open.length === 0 ? -1 : this.#seenBytes - this.#open.length;
  }
}

/** Where the last sequence begins if it is incomplete at `end`, else `end`. */
function completeEnd(bytes: Buffer, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back += 1) {
    const byte = bytes[end - back]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? end - back : end;
    }
  }
  return end;
}

/** Bisects: only for the message of an error, so the speed of the good case decides the design. */
function firstFault(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    const end = completeEnd(bytes, middle);
    if (isUtf8(bytes.subarray(0, end))) good = middle;
    else bad = middle;
  }
  return completeEnd(bytes, good);
}
