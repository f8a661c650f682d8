import type { Intent, IntentParser } from '../core/protocol.ts';
import { closingQuote, type FieldName, fieldOf, isEscapedAt, isScalar, isSpace } from './json-bytes.ts';
import { decodeName, type FieldValue, JsonFields } from './json-fields.ts';
import { invalidBody, maxNameBytes } from './model-name.ts';
import { Utf8Check } from './utf8-check.ts';

/**
 * Where the scan stands in the top-level object. White space is skipped everywhere but inside strings.
 *
 * | state | takes | goes to |
 * |---|---|---|
 * | start | { | firstKey |
 * | firstKey | string; } | colon; done |
 * | key | string | colon |
 * | colon | : | value |
 * | value | "; { or [; other | string; nested; scalar |
 * | string | to its closing quote | separator |
 * | nested | to the bracket that closes it | separator |
 * | scalar | to white space, a comma or } (not taken) | separator |
 * | separator | comma; } | key; done |
 * | done | nothing | |
 */
type State =
  | 'start'
  | 'firstKey'
  | 'key'
  | 'colon'
  | 'value'
  | 'string'
  | 'nested'
  | 'scalar'
  | 'separator'
  | 'done';

const literalTrue = 'true';
const nothing = Buffer.alloc(0);

/**
 * Finds the model, stream and the prompt in the top-level object of a JSON body (RFC 8259) without building it. What
 * JSON.parse accepts gives the same names here: escapes in keys decoded, the last duplicate wins. Numbers, literals and
 * the punctuation of nested values are left for the backend to refuse.
 * Offsets in errors count bytes of the body from 0.
 */
export class JsonScanner implements IntentParser {
  readonly #maxDepth: number;
  readonly #utf8 = new Utf8Check();
  #state: State = 'start';
  /** Bytes in the chunks before this one. */
  #base = 0;
  #isInString = false;
  /** Whether the next chunk begins behind a back-slash. */
  #isEscaped = false;
  /** Where the key or the value under way begins. */
  #tokenStart = 0;
  /** The part of a key or name under way that lies in earlier chunks, at most a little over maxNameBytes. */
  #kept: Buffer = nothing;
  #field: FieldName | null = null;
  /** How much of `true` the scalar has matched; -1: it is something else. */
  #matched = 0;
  /** The closing brackets awaited, inner last. */
  readonly #closers: number[] = [];
  readonly #fields = new JsonFields();

  /** `maxDepth`: how many containers may lie in each other, the body itself included; default 512. */
  constructor(options: { maxDepth?: number } = {}) {
    this.#maxDepth = options.maxDepth ?? 512;
  }

  /** Whether what came so far asks for a stream. */
  get asksForStream(): boolean {
    return this.#fields.isStream;
  }

  /** Takes the next bytes; never certain before the end, since a later duplicate wins. Throws invalid_body. */
  push(chunk: Buffer): 'more' {
    const fault = this.#utf8.push(chunk);
    if (fault >= 0) throw invalidBody('not UTF-8', fault);
    let at = 0;
    while (at < chunk.length) {
      at = this.#isInString ? this.#resumeString(chunk, at) : this.#advance(chunk, at);
    }
    this.#keepToken(chunk);
    this.#base += chunk.length;
    return 'more';
  }

  /** The intent of the complete body. Throws invalid_body, model_required. */
  end(): Intent {
    const fault = this.#utf8.end();
    if (fault >= 0) throw invalidBody('a character of UTF-8 is cut short', fault);
    if (this.#state !== 'done') throw invalidBody('the JSON object is cut short', this.#base);
    return this.#fields.intent();
  }

  #advance(chunk: Buffer, at: number): number {
    if (this.#state === 'nested') return this.#skipNested(chunk, at);
    if (this.#state === 'scalar') return this.#skipScalar(chunk, at);
    const byte = chunk[at]!;
    if (isSpace(byte)) return at + 1;
    switch (this.#state) {
      case 'firstKey':
      case 'key':
        return this.#beginKey(chunk, at);
      case 'value':
        return this.#beginValue(chunk, at);
      case 'colon':
        if (byte !== 0x3a) throw invalidBody('no colon after a key', this.#base + at);
        this.#state = 'value';
        return at + 1;
      case 'separator':
        if (byte === 0x2c) this.#state = 'key';
        else if (byte === 0x7d) this.#state = 'done';
        else throw invalidBody('neither a comma nor } after a value', this.#base + at);
        return at + 1;
      case 'start':
        if (byte === 0xef) throw invalidBody('a byte order mark', this.#base + at);
        if (byte !== 0x7b) throw invalidBody('not a JSON object', this.#base + at);
        this.#state = 'firstKey';
        return at + 1;
      default:
        throw invalidBody('more after the end of the JSON object', this.#base + at);
    }
  }

  #beginKey(chunk: Buffer, at: number): number {
    if (chunk[at] === 0x7d && this.#state === 'firstKey') {
      this.#state = 'done';
      return at + 1;
    }
    if (chunk[at] !== 0x22) throw invalidBody('no key', this.#base + at);
    this.#state = 'key';
    this.#tokenStart = this.#base + at;
    this.#isInString = true;
    return this.#resumeString(chunk, at + 1);
  }

  #beginValue(chunk: Buffer, at: number): number {
    const byte = chunk[at]!;
    this.#tokenStart = this.#base + at;
    if (byte === 0x22) {
      this.#state = 'string';
      this.#isInString = true;
      return this.#resumeString(chunk, at + 1);
    }
    if (byte === 0x7b || byte === 0x5b) {
      this.#state = 'nested';
      return this.#skipNested(chunk, at);
    }
    if (!isScalar(byte)) throw invalidBody('no value', this.#base + at);
    this.#state = 'scalar';
    this.#matched = 0;
    return this.#skipScalar(chunk, at);
  }

  /** Goes on in the content of a string. */
  #resumeString(chunk: Buffer, at: number): number {
    const from = this.#isEscaped && at < chunk.length ? at + 1 : at;
    if (from > at) this.#isEscaped = false;
    const quote = closingQuote(chunk, from);
    if (quote < 0) return this.#leaveInString(chunk, from);
    this.#isInString = false;
    if (this.#state !== 'nested') this.#endString(chunk, quote + 1);
    return quote + 1;
  }

  /** The chunk ends in a string whose content, or the rest of it, begins at `from`. */
  #leaveInString(chunk: Buffer, from: number): number {
    this.#isInString = true;
    if (from < chunk.length) this.#isEscaped = isEscapedAt(chunk, from, chunk.length);
    return chunk.length;
  }

  #endString(chunk: Buffer, end: number): void {
    if (this.#state === 'key') {
      this.#field = this.#withToken(chunk, end, fieldOf);
      this.#state = 'colon';
    } else {
      this.#endValue(
        this.#base + end,
        this.#field === 'model' ? this.#withToken(chunk, end, decodeName) : null,
      );
    }
  }

  /** Reads the token that ends at `end`, joined with its part in earlier chunks. */
  #withToken<T>(chunk: Buffer, end: number, read: (bytes: Buffer, start: number, end: number) => T): T {
    const kept = this.#kept;
    this.#kept = nothing;
    try {
      if (kept.length === 0) return read(chunk, this.#tokenStart - this.#base, end);
      const token = Buffer.concat([kept, chunk.subarray(0, end)]);
      return read(token, 0, token.length);
    } catch (error) {
      const what = error instanceof RangeError ? error.message : 'not a JSON string';
      throw invalidBody(what, this.#tokenStart);
    }
  }

  #endValue(end: number, value: FieldValue): void {
    this.#state = 'separator';
    if (this.#field !== null) this.#fields.set(this.#field, value, { start: this.#tokenStart, end });
  }

  #skipNested(chunk: Buffer, from: number): number {
    const closers = this.#closers;
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (byte === 0x22) {
        const content = at + 1;
        at = closingQuote(chunk, content);
        if (at < 0) return this.#leaveInString(chunk, content);
      } else if ((byte | 0x20) === 0x7b) {
        // The body itself is the first container.
        if (closers.length + 1 >= this.#maxDepth) {
          throw invalidBody(`nested more than ${this.#maxDepth} deep`, this.#base + at);
        }
        closers.push(byte + 2);
      } else if ((byte | 0x20) === 0x7d) {
        if (closers.pop() !== byte) throw invalidBody('a bracket that closes nothing', this.#base + at);
        if (closers.length === 0) {
          this.#endValue(this.#base + at + 1, null);
          return at + 1;
        }
      }
    }
    return chunk.length;
  }

  #skipScalar(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && isScalar(chunk[at]!)) {
      const isNext = chunk[at] === literalTrue.charCodeAt(this.#matched);
      this.#matched = isNext ? this.#matched + 1 : -1;
      at += 1;
    }
    if (at < chunk.length) {
      this.#endValue(this.#base + at, this.#matched === literalTrue.length ? true : null);
    }
    return at;
  }

  /** Keeps what the next chunk needs of a key or a name. Copies: the caller may reuse the chunk's memory. */
  #keepToken(chunk: Buffer): void {
    const isKept = this.#state === 'key' || (this.#state === 'string' && this.#field === 'model');
    if (!this.#isInString || !isKept || this.#kept.length > maxNameBytes) return;
    const start = Math.max(0, this.#tokenStart - this.#base);
    this.#kept = Buffer.concat([this.#kept, chunk.subarray(start, start + maxNameBytes + 1)]);
  }
}
