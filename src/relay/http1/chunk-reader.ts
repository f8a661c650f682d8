import type { FlatHeaders } from '../../forward/headers.ts';
import { scanFields } from './field-scan.ts';

/** Where a body in the chunked coding stands: in the middle, at its end, or it is none. */
export type ChunkState = 'open' | 'done' | 'broken';

// state   | what comes                                    | then
// line    | a size above 0, extensions, CRLF              | data
// line    | 0, extensions, CRLF                           | trailer
// data    | so many bytes                                 | dataCr
// dataCr  | CR                                            | dataLf
// dataLf  | LF                                            | line
// trailer | a field line                                  | trailer
// trailer | CRLF                                          | done
// any     | anything else                                 | broken
const line = 0;
const data = 1;
const dataCr = 2;
const dataLf = 3;
const trailer = 4;
const done = 5;
const broken = 6;

const carriageReturn = 13;
const lineFeed = 10;
const maxSizeDigits = 8;
const maxSizeLineBytes = 1024;
const maxExtensionBytes = 16 * 1024;
const maxTrailerBytes = 16 * 1024;

/** Less than RFC 9112 (7.1.1) allows: no white space, as Node's parser has it, and nothing escaped. */
const sizeLine =
  /^([\da-fA-F]{1,8})((?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"[\t !#-[\]-~]*"))?)*)\r\n$/;

/** Trailers that frame or route a message, which RFC 9110 (6.5.1) forbids and some merge into the head. */
const forbiddenTrailers = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'upgrade',
  'te',
]);

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * Follows a body in the chunked coding (RFC 9112, 7.1) across reads, so that its bytes can be passed on as they came: lines are
 * held back until they are complete and found to be well-formed, so that nobody behind it sees a malformed one.
 */
export class ChunkReader {
  #state = line;
  #remaining = 0;
  #line = '';
  #extensionBytes = 0;
  #trailerBytes = 0;

  /** Of the last read: index behind the body's bytes in it. */
  end = 0;
  /** Of the last read: what was held back before and goes before its bytes. */
  prefix = '';
  /** Of the last read: up to where its bytes can be passed on. */
  safeEnd = 0;
  /** Of the last read: start and end of each piece of data in it, flat. */
  readonly spans: number[] = [];

  /** What has to follow so that a chunk can: empty, CRLF or LF; null: none can. */
  get gap(): string | null {
    if (this.#state === line) return '';
    if (this.#state === dataCr) return '\r\n';
    return this.#state === dataLf ? '\n' : null;
  }

  /** Reads `bytes` from `start` to `end`, or to where the body ends. Not called again after `done` or `broken`. */
  read(bytes: Buffer, start: number, end: number): ChunkState {
    this.prefix = '';
    this.spans.length = 0;
    this.safeEnd = start;
    let at = start;
    while (at < end && this.#state < done) {
      if (this.#state === data) at = this.#data(at, end);
      else if (this.#state === dataCr || this.#state === dataLf) at = this.#dataEnd(bytes[at]!, at);
      else at = this.#lineAt(bytes, at, end);
    }
    this.end = at;
    if (this.#state === done) return 'done';
    return this.#state === broken ? 'broken' : 'open';
  }

  #data(at: number, end: number): number {
    const to = Math.min(end, at + this.#remaining);
    this.spans.push(at, to);
    this.#remaining -= to - at;
    if (this.#remaining === 0) this.#state = dataCr;
    this.safeEnd = to;
    return to;
  }

  #dataEnd(byte: number, at: number): number {
    const isCr = this.#state === dataCr;
    if (byte !== (isCr ? carriageReturn : lineFeed)) {
      this.#state = broken;
      return at;
    }
    this.#state = isCr ? dataLf : line;
    this.safeEnd = at + 1;
    return at + 1;
  }

  #lineAt(bytes: Buffer, at: number, end: number): number {
    if (this.#line === '' && this.#state === line) {
      const quick = this.#plainSize(bytes, at, end);
      if (quick > 0) return quick;
    }
    const max = this.#state === line ? maxSizeLineBytes : maxTrailerBytes;
    let to = at;
    while (to < end && bytes[to] !== lineFeed) to++;
    const isWhole = to < end;
    if (isWhole) to++;
    const text = this.#line + bytes.toString('latin1', at, to);
    if (text.length > max) {
      this.#state = broken;
      return to;
    }
    if (!isWhole) {
      this.#line = text;
      return to;
    }
    const held = this.#line;
    this.#line = '';
    if (this.#state === line) this.#sizeLine(text);
    else this.#trailerLine(text);
    if (this.#state === broken) return to;
    // A line that began in an earlier read is the first thing of this one.
    if (held !== '') this.prefix = held;
    this.safeEnd = to;
    return to;
  }

  /** A size line as nearly all are, which is here as a whole; 0: it is another. */
  #plainSize(bytes: Buffer, start: number, end: number): number {
    let size = 0;
    let at = start;
    const last = Math.min(end, start + maxSizeDigits);
    for (; at < last; at++) {
      const value = hexValue(bytes[at]!);
      if (value < 0) break;
      size = size * 16 + value;
    }
    if (size === 0 || at + 1 >= end || bytes[at] !== carriageReturn || bytes[at + 1] !== lineFeed) return 0;
    this.#remaining = size;
    this.#state = data;
    this.safeEnd = at + 2;
    return at + 2;
  }

  #sizeLine(text: string): void {
    const found = sizeLine.exec(text);
    const [, digits, extensions] = found ?? [];
    this.#extensionBytes += extensions?.length ?? 0;
    if (digits === undefined || this.#extensionBytes > maxExtensionBytes) {
      this.#state = broken;
      return;
    }
    this.#remaining = Number.parseInt(digits, 16);
    this.#state = this.#remaining === 0 ? trailer : data;
  }

  #trailerLine(text: string): void {
    if (text === '\r\n') {
      this.#state = done;
      return;
    }
    this.#trailerBytes += text.length;
    const fields: FlatHeaders = [];
    const isFault = scanFields(text, 0, text.length, fields) !== null || forbiddenTrailers.has(fields[0]!);
    if (isFault || this.#trailerBytes > maxTrailerBytes) this.#state = broken;
  }
}
