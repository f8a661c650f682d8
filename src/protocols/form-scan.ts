import { isUtf8 } from 'node:buffer';
import type { Intent, IntentParser } from '../core/protocol.ts';
import { type FormField, parseBoundary, parsePartField } from './form-head.ts';
import { invalidBody, maxNameBytes, modelMissing, requireModel } from './model-name.ts';

/** The longest head of a part. */
const maxHeadBytes = 8192;

/** The longest run of spaces behind a boundary (RFC 2046, transport padding). */
const maxPaddingBytes = 256;

/** How much of a chunk is joined to what is left of the one before: more than a boundary. */
const seamBytes = 1024;

const nothing = Buffer.alloc(0);
const headEnd = Buffer.from('\r\n\r\n');

/**
 * | state | takes | goes to |
 * |---|---|---|
 * | preamble | to the first boundary at the start of a line | boundary |
 * | boundary | --; padding and a line end | epilogue; head |
 * | head | to an empty line | value |
 * | value | to the next boundary | boundary, or done where it was the model's |
 * | epilogue | everything | |
 */
type State = 'preamble' | 'boundary' | 'head' | 'value' | 'epilogue';

/**
 * Finds the field `model` of a multipart/form-data body (RFC 7578) and where its value lies, for rewriting it, which
 * @fastify/busboy does not tell. Keeps no more than the head of one part, one short value and the length of the boundary,
 * so uploads of any size pass. The field may come behind the file: then the upload is read (and held) up to it.
 *
 * `push` returns as soon as `model` is complete. So the first `model` decides, the rest of the body being streamed
 * unseen, and `stream` counts only if it comes before.
 */
export class FormScanner implements IntentParser {
  readonly #delimiter: Buffer;
  #state: State = 'preamble';
  /** Bytes that cannot be judged without the next chunk. The first body line has no CRLF before it: given here. */
  #rest: Buffer = Buffer.from('\r\n');
  /** Offset in the body of the first byte of #rest. */
  #restStart = -2;
  #field: FormField | null = null;
  #valueStart = 0;
  #value: Buffer = nothing;
  #isStream = false;

  /** `contentType`: the value as received, boundaries are case-sensitive. Throws invalid_body if it is no form's. */
  constructor(contentType: string) {
    this.#delimiter = Buffer.from(`\r\n--${parseBoundary(contentType)}`, 'latin1');
  }

  /** Takes the next bytes. Throws invalid_body, model_required. */
  push(chunk: Buffer): Intent | 'more' {
    let taken = 0;
    // Only the seam is joined, since copying all of an upload would cost more than scanning it.
    while (this.#rest.length > 0 && taken < chunk.length) {
      const seam = chunk.subarray(taken, taken + seamBytes);
      const found = this.#consume(Buffer.concat([this.#rest, seam]));
      if (found !== 'more') return found;
      taken += seam.length;
      if (this.#rest.length <= seam.length) {
        taken -= this.#rest.length;
        this.#rest = nothing;
      }
    }
    return taken < chunk.length ? this.#consume(chunk.subarray(taken)) : 'more';
  }

  #consume(bytes: Buffer): Intent | 'more' {
    let at = 0;
    for (;;) {
      const state: State = this.#state;
      const next = this.#advance(bytes, at);
      if (typeof next !== 'number') return next;
      if (next === at && state === this.#state) break;
      at = next;
    }
    this.#restStart += at;
    // A copy: the caller may reuse the chunk's memory.
    this.#rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at));
    return 'more';
  }

  /** The body is complete and no model was found. Throws invalid_body, model_required. */
  end(): Intent {
    if (this.#state !== 'epilogue') {
      throw invalidBody('the form is cut short', this.#restStart + this.#rest.length);
    }
    throw modelMissing();
  }

  /** One step from `at`: where the next one begins, `at` itself when it takes more bytes, or the intent. */
  #advance(bytes: Buffer, at: number): number | Intent {
    switch (this.#state) {
      case 'preamble':
        return this.#toBoundary(bytes, at);
      case 'boundary':
        return this.#afterBoundary(bytes, at);
      case 'head':
        return this.#head(bytes, at);
      case 'value':
        return this.#toValueEnd(bytes, at);
      default:
        return bytes.length;
    }
  }

  #toBoundary(bytes: Buffer, at: number): number {
    const found = bytes.indexOf(this.#delimiter, at);
    if (found < 0) return this.#undecided(bytes, at);
    this.#state = 'boundary';
    return found + this.#delimiter.length;
  }

  #afterBoundary(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return at;
    if (bytes[at] === 0x2d && bytes[at + 1] === 0x2d) {
      this.#state = 'epilogue';
      return bytes.length;
    }
    let end = at;
    while (bytes[end] === 0x20 || bytes[end] === 0x09) end += 1;
    if (end - at > maxPaddingBytes) throw invalidBody('a boundary line too long', this.#restStart + at);
    if (bytes.length - end < 2) return at;
    if (bytes[end] !== 0x0d || bytes[end + 1] !== 0x0a) {
      throw invalidBody('a boundary that does not end its line', this.#restStart + end);
    }
    // The line end stays: with it a head without any line ends like every other.
    this.#state = 'head';
    return end;
  }

  #head(bytes: Buffer, at: number): number {
    const found = bytes.indexOf(headEnd, at);
    if ((found < 0 ? bytes.length : found) - at > maxHeadBytes) {
      throw invalidBody(`the head of a part longer than ${maxHeadBytes} bytes`, this.#restStart + at);
    }
    if (found < 0) return at;
    this.#field = parsePartField(bytes.toString('latin1', at + 2, found), this.#restStart + at);
    this.#state = 'value';
    this.#value = nothing;
    this.#valueStart = this.#restStart + found + headEnd.length;
    return found + headEnd.length;
  }

  #toValueEnd(bytes: Buffer, at: number): number | Intent {
    const found = bytes.indexOf(this.#delimiter, at);
    const end = found < 0 ? this.#undecided(bytes, at) : found;
    if (this.#field !== null && end > at) {
      this.#value = Buffer.concat([this.#value, bytes.subarray(at, end)]);
      if (this.#value.length > maxNameBytes) {
        throw invalidBody(`${this.#field} longer than ${maxNameBytes} bytes`, this.#valueStart);
      }
    }
    if (found < 0) return end;
    if (this.#field === 'model') return this.#intent(this.#restStart + end);
    if (this.#field === 'stream') this.#isStream = this.#value.toString().toLowerCase() === 'true';
    this.#state = 'boundary';
    return found + this.#delimiter.length;
  }

  #intent(end: number): Intent {
    if (!isUtf8(this.#value)) throw invalidBody('a model name that is not UTF-8', this.#valueStart);
    return {
      model: requireModel(this.#value.toString()),
      isStream: this.#isStream,
      modelSpan: { start: this.#valueStart, end },
      modelEncoding: 'form',
      promptSpan: null,
    };
  }

  /** Where the bytes begin that may be the start of a boundary. */
  #undecided(bytes: Buffer, at: number): number {
    return Math.max(at, bytes.length - this.#delimiter.length + 1);
  }
}
