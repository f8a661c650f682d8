/**
 * What a scan found: `open`, all bytes keep to the strict form so far; `odd`, a size line that is not 1 to 8 hex digits
 * above zero and CRLF (the last chunk, an extension, anything malformed); `broken`, data not followed by CRLF.
 */
export type ChunkScan = 'open' | 'odd' | 'broken';

// state    | CR       | LF     | hex digit    | other  | n bytes of data
// size     | sizeEnd* | odd    | size, up to 8| odd    |
// sizeEnd  | odd      | data   | odd          | odd    |
// data     |          |        |              |        | data, after the last one dataCr
// dataCr   | dataLf   | broken | broken       | broken |
// dataLf   | broken   | size   | broken       | broken |
// * odd when there is no digit or the size is zero
const size = 0;
const sizeEnd = 1;
const data = 2;
const dataCr = 3;
const dataLf = 4;
const carriageReturn = 13;
const lineFeed = 10;
const maxSizeDigits = 8;

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * Follows a body in the chunked coding (RFC 9112, 7.1) across reads and accepts less than the grammar allows: size lines
 * of 1 to 8 hex digits without extensions. It looks at size lines and line ends only and steps over the data. After `odd` or
 * `broken` it is of no further use.
 */
export class ChunkScanner {
  #state = size;
  #digits = 0;
  #remaining = 0;
  #safeEnd = 0;

  /** Whether the next byte is the first of a size line. */
  get isAtBoundary(): boolean {
    return this.#state === size && this.#digits === 0;
  }

  /**
   * Up to where the bytes of the last scan belong to chunks whose size line is complete. The rest is the begun size line
   * (`open`, `odd`; 0 also where that line began in an earlier scan) or starts with what should have been CRLF (`broken`).
   */
  get safeEnd(): number {
    return this.#safeEnd;
  }

  /** Scans `bytes` from `start` to their end, or to `end`. */
  scan(bytes: Uint8Array, start = 0, end: number = bytes.length): ChunkScan {
    let at = start;
    this.#safeEnd = start;
    while (at < end) {
      if (this.#state === data) {
        const taken = Math.min(this.#remaining, end - at);
        at += taken;
        this.#remaining -= taken;
        if (this.#remaining === 0) this.#state = dataCr;
        this.#safeEnd = at;
        continue;
      }
      const found = this.#step(bytes[at]!);
      if (found !== 'open') return found;
      at++;
      if (this.#state !== sizeEnd && this.#digits === 0) this.#safeEnd = at;
    }
    return 'open';
  }

  #step(byte: number): ChunkScan {
    switch (this.#state) {
      case size:
        return this.#sizeByte(byte);
      case sizeEnd:
        if (byte !== lineFeed) return 'odd';
        this.#state = data;
        this.#digits = 0;
        return 'open';
      case dataCr:
        if (byte !== carriageReturn) return 'broken';
        this.#state = dataLf;
        return 'open';
      default:
        if (byte !== lineFeed) return 'broken';
        this.#state = size;
        return 'open';
    }
  }

  #sizeByte(byte: number): ChunkScan {
    if (byte === carriageReturn) {
      if (this.#remaining === 0) return 'odd';
      this.#state = sizeEnd;
      return 'open';
    }
    const value = hexValue(byte);
    if (value < 0 || this.#digits === maxSizeDigits) return 'odd';
    this.#digits++;
    this.#remaining = this.#remaining * 16 + value;
    return 'open';
  }
}
