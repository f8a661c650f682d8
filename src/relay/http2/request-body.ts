import type { ServerHttp2Stream } from 'node:http2';
import type { FlatHeaders } from '../../forward/headers.ts';
import type { BodyReader } from '../traffic.ts';
import { plainFields } from './head.ts';

/**
 * The body of a client's request. Nothing is read until somebody asks: then no more than the stream's window lies here, and
 * the client cannot send more.
 */
export class RequestBody {
  readonly #stream: ServerHttp2Stream;
  #reader: BodyReader | null = null;
  #isListening = false;
  #isOver: boolean;
  /** What came behind the body; null: nothing, so far. */
  trailers: FlatHeaders | null = null;

  constructor(stream: ServerHttp2Stream, isEmpty: boolean) {
    this.#stream = stream;
    this.#isOver = isEmpty;
    if (!isEmpty) stream.on('trailers', (_fields, _flags, raw) => this.#onTrailers(raw));
  }

  /** Whether all of it was read. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether all of it was sent, read or not, and what is known of trailers is all. Not to be asked in the tick of the head. */
  get isComplete(): boolean {
    return this.#isOver || this.#stream.state.remoteClose === 1;
  }

  /** Gives it to `reader`, until `pause`. */
  read(reader: BodyReader): void {
    this.#reader = reader;
    if (this.#isOver) process.nextTick(() => this.#onEnd());
    else if (this.#isListening) this.#stream.resume();
    else this.#listen();
  }

  pause(): void {
    this.#reader = null;
    if (this.#isListening) this.#stream.pause();
  }

  /** Nobody wants the rest. */
  discard(): void {
    this.#reader = null;
    this.#stream.resume();
  }

  #listen(): void {
    this.#isListening = true;
    this.#stream.on('data', (chunk: Buffer) => this.#reader?.onChunk(chunk));
    this.#stream.on('end', () => {
      // What ends because the client is gone is no end of a body.
      if (this.#stream.destroyed || this.#stream.aborted) return;
      this.#isOver = true;
      this.#onEnd();
    });
    this.#stream.resume();
  }

  #onEnd(): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.onEnd();
  }

  #onTrailers(raw: readonly string[]): void {
    const fields = plainFields(raw);
    if (fields.length > 0) this.trailers = fields;
  }
}
