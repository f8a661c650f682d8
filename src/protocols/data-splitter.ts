import { PilotlightError } from '../core/errors.ts';

/** The longest event, or line, that is put together; more of it is no stream of pieces. */
const maxPieceChars = 16 * 1024 * 1024;

/**
 * How the body of an answer falls into pieces: `events` of SSE (the data of each), `lines` of JSON, `text` as it comes, or not at
 * all (`none`: what is not text).
 */
export type PieceKind = 'events' | 'lines' | 'text' | 'none';

/** By the content-type of the answer, in any case and with its parameters. */
export function pieceKindOf(contentType: string): PieceKind {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'text/event-stream') return 'events';
  if (/^application\/(x-)?(ndjson|jsonl|jsonlines|json-lines)$/.test(type)) return 'lines';
  return type.startsWith('text/') ? 'text' : 'none';
}

/**
 * Takes the bytes of a stream as they come and gives back its pieces: the data of SSE events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html), lines that are not empty, or text without a character cut in
 * two. Comments, names and ids of events are dropped. Throws backend_bad_response for a piece without an end.
 */
export class DataSplitter {
  readonly #kind: PieceKind;
  readonly #decoder = new TextDecoder();
  /** The line that has no end yet. */
  #line = '';
  /** The last line ended with a carriage return, of which a line feed is the other half. */
  #isAfterReturn = false;
  #data: string[] = [];
  #dataChars = 0;

  constructor(contentType: string) {
    this.#kind = pieceKindOf(contentType);
  }

  /** The pieces that are complete with these bytes. */
  push(chunk: Uint8Array): string[] {
    return this.#kind === 'none' ? [] : this.#take(this.#decoder.decode(chunk, { stream: true }));
  }

  /** The stream has ended: what is left. An event without its empty line is one all the same, since many forget the last. */
  end(): string[] {
    if (this.#kind === 'none') return [];
    const found = this.#take(this.#decoder.decode());
    if (this.#line !== '') this.#endLine(found);
    if (this.#kind === 'events') this.#endLine(found);
    return found;
  }

  #take(text: string): string[] {
    if (text === '') return [];
    if (this.#kind === 'text') return [text];
    const found: string[] = [];
    if (this.#isAfterReturn && text.startsWith('\n')) text = text.slice(1);
    let start = 0;
    for (const { index, 0: lineEnd } of text.matchAll(/\r\n|\n|\r/g)) {
      this.#line += text.slice(start, index);
      this.#endLine(found);
      start = index + lineEnd.length;
    }
    this.#line += text.slice(start);
    this.#isAfterReturn = text.endsWith('\r');
    if (this.#line.length + this.#dataChars > maxPieceChars) {
      throw new PilotlightError(
        'backend_bad_response',
        `a piece of the backend's stream is longer than ${maxPieceChars} characters`,
      );
    }
    return found;
  }

  #endLine(found: string[]): void {
    const line = this.#line;
    this.#line = '';
    if (this.#kind === 'lines') {
      if (line.trim() !== '') found.push(line);
    } else if (line === '') {
      if (this.#data.length > 0) found.push(this.#data.join('\n'));
      this.#data = [];
      this.#dataChars = 0;
    } else if (line === 'data' || line.startsWith('data:')) {
      const value = line.slice(5);
      this.#data.push(value.startsWith(' ') ? value.slice(1) : value);
      this.#dataChars += value.length;
    }
  }
}
