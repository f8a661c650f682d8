import type { FlatHeaders } from '../../forward/headers.ts';
import { ChunkReader, type ChunkState } from './chunk-reader.ts';
import type { ClientWriter } from './client-writer.ts';
import type { AnswerFraming, ResponseHead } from './response-head.ts';

/** How the body is framed for the client: as it came, in chunks of our own, or by the end of the connection. */
export type AnswerWrap = 'same' | 'chunks' | 'bare';

/** Whoever is told of an answer as it passes. */
export interface AnswerTeller {
  /** As `Crossing.onHead`. Null: the exchange was ended meanwhile. */
  onAnswerHead(status: number, fields: FlatHeaders): FlatHeaders | null;
  /** As `Crossing.onBytes`, after they were passed on. */
  onAnswerBytes(bytes: Buffer): void;
  /** Whether the connection to the client ends with this answer. Asked once, when its head is written. */
  isLastAnswer(): boolean;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** The body of an answer on its way to the client, at most one write for each read. */
export class AnswerBody {
  readonly #client: ClientWriter;
  readonly #framing: AnswerFraming;
  readonly #wrap: AnswerWrap;
  readonly #teller: AnswerTeller;
  readonly #chunks: ChunkReader | null;
  #left: number;
  /** The last three bytes of data. */
  #tail = (lineFeed << 8) | lineFeed;
  /** Index behind the body's bytes in what was read last. */
  end = 0;

  constructor(client: ClientWriter, head: ResponseHead, wrap: AnswerWrap, teller: AnswerTeller) {
    this.#client = client;
    this.#framing = head.framing;
    this.#wrap = wrap;
    this.#teller = teller;
    this.#left = head.framing === 'length' ? head.bodyBytes : Number.POSITIVE_INFINITY;
    this.#chunks = head.framing === 'chunked' ? new ChunkReader() : null;
  }

  /** The connection's end is the body's. */
  get endsWithConnection(): boolean {
    return this.#framing === 'close';
  }

  /** Passes on what is in `bytes` from `start` to `end`, behind `head`. */
  read(head: string, bytes: Buffer, start: number, end: number): ChunkState {
    if (this.#framing === 'none') {
      this.end = start;
      this.#client.writeText(this.#wrap === 'chunks' ? `${head}0\r\n\r\n` : head);
      return 'done';
    }
    return this.#chunks === null
      ? this.#plain(head, bytes, start, end)
      : this.#chunked(this.#chunks, head, bytes, start, end);
  }

  #plain(head: string, bytes: Buffer, start: number, end: number): ChunkState {
    const to = Math.min(end, start + this.#left);
    this.#left -= to - start;
    this.end = to;
    const state = this.#left === 0 ? 'done' : 'open';
    if (this.#wrap !== 'chunks' || to === start) {
      this.#client.write(
        head,
        bytes,
        start,
        to,
        state === 'done' && this.#wrap === 'chunks' ? '0\r\n\r\n' : '',
      );
    } else {
      const size = `${head}${(to - start).toString(16)}\r\n`;
      this.#client.write(size, bytes, start, to, state === 'done' ? '\r\n0\r\n\r\n' : '\r\n');
    }
    if (to > start) this.#tell(bytes, start, to);
    return state;
  }

  #chunked(chunks: ChunkReader, head: string, bytes: Buffer, start: number, end: number): ChunkState {
    const state = chunks.read(bytes, start, end);
    this.end = chunks.end;
    if (this.#wrap === 'same') this.#client.write(head + chunks.prefix, bytes, start, chunks.safeEnd, '');
    else this.#bare(head, bytes, chunks.spans);
    const { spans } = chunks;
    for (let i = 0; i < spans.length; i += 2) this.#tell(bytes, spans[i]!, spans[i + 1]!);
    return state;
  }

  #bare(head: string, bytes: Buffer, spans: readonly number[]): void {
    if (head !== '') this.#client.writeText(head);
    for (let i = 0; i < spans.length; i += 2) this.#client.write('', bytes, spans[i]!, spans[i + 1]!, '');
  }

  #tell(bytes: Buffer, start: number, end: number): void {
    for (let at = Math.max(start, end - 3); at < end; at++)
      this.#tail = ((this.#tail << 8) | bytes[at]!) & 0xffffff;
    this.#teller.onAnswerBytes(bytes.subarray(start, end));
  }

  /** Ends a body whose end is that of the connection. */
  finish(): void {
    if (this.#wrap === 'chunks') this.#client.writeText('0\r\n\r\n');
  }

  /** `event` as it can be written behind what was passed on; null: it cannot, or not at the end of an event. */
  eventFrame(event: string): string | null {
    const before = (this.#tail >> 8) & 0xff;
    const isAtEvent =
      (this.#tail & 0xff) === lineFeed &&
      (before === lineFeed || (before === carriageReturn && this.#tail >> 16 === lineFeed));
    if (!isAtEvent) return null;
    if (this.#wrap === 'bare') return event;
    if (this.#wrap === 'chunks') return chunkOf(event);
    if (this.#framing === 'close') return event;
    const gap = this.#chunks?.gap ?? null;
    return gap === null ? null : gap + chunkOf(event);
  }
}

/** Text as one chunk. */
export function chunkOf(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
