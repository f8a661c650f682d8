import { StringDecoder } from 'node:string_decoder';
import type { WatchEvent } from './api.ts';

/** No object in etcd is larger than 1.5 MiB by default; its JSON can be some times that. */
const maxLineChars = 16 * 1024 * 1024;

/** Cuts a watch's body into its events: one JSON document a line, over pieces that end anywhere, within a character too. */
export class WatchStream {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onEvent: (event: WatchEvent) => void;
  #pieces: string[] = [];
  #length = 0;

  constructor(onEvent: (event: WatchEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Tells the events that `chunk` completes. Throws on a line that is no event, or too long. */
  push(chunk: Buffer): void {
    const text = this.#decoder.write(chunk);
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#keep(text.slice(start, end));
      start = end + 1;
      const line = this.#pieces.length === 1 ? this.#pieces[0]! : this.#pieces.join('');
      this.#pieces = [];
      this.#length = 0;
      if (line.trim() !== '') this.#onEvent(eventOf(line));
    }
    if (start < text.length) this.#keep(text.slice(start));
  }

  #keep(piece: string): void {
    this.#length += piece.length;
    if (this.#length > maxLineChars)
      throw new Error(`a line of the watch is longer than ${maxLineChars} characters`);
    this.#pieces.push(piece);
  }
}

function eventOf(line: string): WatchEvent {
  const event = JSON.parse(line) as Partial<WatchEvent> | null;
  if (typeof event !== 'object' || typeof event?.type !== 'string')
    throw new Error('not an event of a watch');
  return event as WatchEvent;
}
