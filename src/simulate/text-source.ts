import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** The text of a file, plain or gzip (by its first bytes, whatever its name), in pieces as they are read. */
export async function* textOf(file: string): AsyncGenerator<string> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    const isGzip = bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
    const raw = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 256 * 1024 });
    // A fault of the file is told by what is read from.
    const source = isGzip ? pipeline(raw, createGunzip(), () => undefined) : raw;
    for await (const piece of source.setEncoding('utf8')) yield piece as string;
  } finally {
    await handle.close();
  }
}

/** A piece of a trace that stands for itself. */
export interface TraceRecord {
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

/** Cuts text into records, however the pieces are cut. */
export interface Splitter {
  push(piece: string): readonly TraceRecord[];
  /** What is left after the last piece. */
  end(): readonly TraceRecord[];
}

/** Longer ones are cut there and can only be malformed: memory is bounded whatever the file is. */
const maxRecordLength = 1024 * 1024;

/** A record for each line that is not empty; a quoted field of CSV that is open at the end of a line goes on with the next. */
export class LineSplitter implements Splitter {
  readonly #isCsv: boolean;
  #rest = '';
  #isTooLong = false;
  #line = 0;
  #open: TraceRecord | null = null;

  constructor({ isCsv }: { readonly isCsv: boolean }) {
    this.#isCsv = isCsv;
  }

  push(piece: string): readonly TraceRecord[] {
    const lines = piece.split('\n');
    lines[0] = this.#rest + lines[0]!;
    this.#rest = lines.pop()!;
    const records: TraceRecord[] = [];
    for (const line of lines) this.#take(line, records);
    if (this.#rest.length > maxRecordLength) {
      this.#isTooLong = true;
      this.#rest = '';
    }
    return records;
  }

  end(): readonly TraceRecord[] {
    const records: TraceRecord[] = [];
    if (this.#rest !== '' || this.#isTooLong) this.#take(this.#rest, records);
    if (this.#open !== null) records.push(this.#open);
    return records;
  }

  #take(line: string, records: TraceRecord[]): void {
    const number = ++this.#line;
    const text = this.#isTooLong ? tooLong : line.endsWith('\r') ? line.slice(0, -1) : line;
    this.#isTooLong = false;
    if (this.#open === null && (text === '' || !this.#isCsv || !text.includes('"'))) {
      if (text !== '') records.push({ text, line: number });
      return;
    }
    const isOpen = endsQuoted(text, this.#open !== null);
    const joined = this.#open === null ? text : `${this.#open.text}\n${text}`;
    const record = { text: joined, line: this.#open?.line ?? number };
    this.#open = isOpen && joined.length <= maxRecordLength ? record : null;
    if (this.#open === null) records.push(record);
  }
}

/** No format reads it. */
const tooLong = '\u0000';

/** Whether a CSV line ends within a quoted field; `isQuoted`: it begins in one. A quote within a plain field is a character. */
function endsQuoted(line: string, isQuoted: boolean): boolean {
  let at = 0;
  for (;;) {
    if (isQuoted) {
      const closing = line.indexOf('"', at);
      if (closing === -1) return true;
      at = closing + 1;
      // Two of them stand for one.
      isQuoted = line[at] === '"';
      if (isQuoted) {
        at++;
        continue;
      }
    } else if (line[at] === '"') {
      isQuoted = true;
      at++;
      continue;
    }
    const comma = line.indexOf(',', at);
    if (comma === -1) return false;
    at = comma + 1;
  }
}

/** A record for each object of a JSON array, in one line or in many. */
export class JsonArraySplitter implements Splitter {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #text = '';
  #line = 1;
  #recordLine = 1;

  push(piece: string): readonly TraceRecord[] {
    const records: TraceRecord[] = [];
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (code === newline) this.#line++;
      if (this.#isInString) this.#inString(code);
      else if (code === quote) this.#isInString = true;
      else if (code === openBrace && this.#depth++ === 0) {
        from = at;
        this.#recordLine = this.#line;
      } else if (code === closeBrace && this.#depth > 0 && --this.#depth === 0) {
        records.push({ text: this.#text + piece.slice(from, at + 1), line: this.#recordLine });
        this.#text = '';
      }
    }
    if (this.#depth > 0 && this.#text.length <= maxRecordLength) this.#text += piece.slice(from);
    return records;
  }

  end(): readonly TraceRecord[] {
    return this.#depth === 0 ? [] : [{ text: this.#text, line: this.#recordLine }];
  }

  #inString(code: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (code === backslash) this.#isEscaped = true;
    else if (code === quote) this.#isInString = false;
  }
}

const newline = 10;
const quote = 34;
const backslash = 92;
const openBrace = 123;
const closeBrace = 125;
