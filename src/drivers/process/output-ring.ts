import { stripVTControlCharacters } from 'node:util';

const lineFeed = 10;
const carriageReturn = 13;

/** How much of a process's output is kept: at most `maxLines * maxLineBytes` bytes, and a line per open stream. */
export interface OutputRingOptions {
  readonly maxLines: number;
  /** The rest of a longer line is dropped and shown as `…`. */
  readonly maxLineBytes: number;
}

/** The last lines of a process's output, of all its streams in the order of their ends. Bounded memory. */
export class OutputRing {
  readonly #maxLines: number;
  readonly #maxLineBytes: number;
  readonly #lines: string[] = [];
  readonly #streams: LineBuffer[] = [];

  constructor(options: OutputRingOptions) {
    this.#maxLines = options.maxLines;
    this.#maxLineBytes = options.maxLineBytes;
  }

  /** Returns the function that takes the chunks of one more stream. */
  stream(): (chunk: Buffer) => void {
    const buffer = new LineBuffer(this.#maxLineBytes, (line) => this.#add(line));
    this.#streams.push(buffer);
    return (chunk) => buffer.write(chunk);
  }

  /** A copy, oldest first; lines not ended yet come last. */
  lines(): string[] {
    const open = this.#streams.map((stream) => stream.text()).filter((line) => line.trim() !== '');
    return [...this.#lines, ...open].slice(-this.#maxLines);
  }

  #add(line: string): void {
    if (line.trim() === '') return;
    this.#lines.push(line);
    if (this.#lines.length > this.#maxLines) this.#lines.shift();
  }
}

/**
 * Splits one stream into lines. Bytes are copied, because a slice of a chunk's text would keep the whole chunk alive;
 * a lone carriage return begins the line anew, as on a terminal, so that progress bars do not fill the ring.
 */
class LineBuffer {
  readonly #bytes: Buffer;
  readonly #onLine: (line: string) => void;
  #length = 0;
  #isCut = false;
  #isReturned = false;

  constructor(maxBytes: number, onLine: (line: string) => void) {
    this.#bytes = Buffer.alloc(maxBytes);
    this.#onLine = onLine;
  }

  write(chunk: Buffer): void {
    for (const byte of chunk) {
      if (byte === lineFeed) this.#onLine(this.#take());
      else if (byte === carriageReturn) this.#isReturned = true;
      else this.#put(byte);
    }
  }

  text(): string {
    const text = this.#bytes.toString('utf8', 0, this.#length);
    return stripVTControlCharacters(this.#isCut ? `${text}…` : text);
  }

  #put(byte: number): void {
    if (this.#isReturned) this.#clear();
    if (this.#length < this.#bytes.length) this.#bytes[this.#length++] = byte;
    else this.#isCut = true;
  }

  #take(): string {
    const text = this.text();
    this.#clear();
    return text;
  }

  #clear(): void {
    this.#length = 0;
    this.#isCut = false;
    this.#isReturned = false;
  }
}
