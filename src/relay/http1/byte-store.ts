const firstBytes = 1024;

/** Bytes that came in pieces, in one buffer that doubles: adding a byte at a time costs no more than the bytes. */
export class ByteStore {
  #buffer: Buffer = Buffer.allocUnsafe(firstBytes);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    bytes.copy(this.#buffer, this.#length);
    this.#length = length;
  }

  /** All of them. It is not written to any more where nothing is appended. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

const terminator = Buffer.from('\r\n\r\n');
const shortBytes = 8192;

/** A head as text, which may have more behind it. */
export interface HeadText {
  readonly text: string;
  /** Index of the CRLF that ends the empty line. */
  readonly end: number;
}

/** The head that begins at `start`, once its empty line is there; `from` is where that is looked for; null: not yet. */
export function findHead(bytes: Buffer, start: number, end: number, from: number): HeadText | null {
  if (end - start <= shortBytes) {
    const text = bytes.toString('latin1', start, end);
    const at = text.indexOf('\r\n\r\n', from - start);
    return at === -1 ? null : { text, end: at + 2 };
  }
  const at = bytes.indexOf(terminator, from);
  if (at === -1 || at + 4 > end) return null;
  return { text: bytes.toString('latin1', start, at + 4), end: at + 2 - start };
}

/** Whether a line from `from` on ends with LF alone: such a head would never be complete. */
export function hasBareLineFeed(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(10, from); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (at === 0 || bytes[at - 1] !== 13) return true;
  }
  return false;
}
