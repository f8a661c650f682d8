import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../core/clock.ts';
import type { FlatHeaders } from '../../forward/headers.ts';
import { EventEdge } from '../event-edge.ts';
import { fieldOf, type LaneHead, type OwnAnswer } from '../traffic.ts';
import { closeSoon } from './close-soon.ts';
import { answerFields, fieldsObject, isGrpcType } from './head.ts';

/** How long the last event or the trailers of an answer that was cut may wait for a client that does not read. */
const lingerMs = 1_000;

/** The answer's side of a client's stream. It is asked by one exchange, which knows when it is over. */
export class AnswerStream {
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  readonly #clock: Clock;
  #hasHead = false;
  #isEnded = false;
  #isGrpc = false;
  #edge: EventEdge | null = null;
  #trailers: FlatHeaders = [];

  constructor(stream: ServerHttp2Stream, head: LaneHead, clock: Clock) {
    this.#stream = stream;
    this.#isHead = head.method === 'HEAD';
    this.#clock = clock;
    stream.on('wantTrailers', () => this.#sendTrailers());
  }

  get hasHead(): boolean {
    return this.#hasHead;
  }

  /** Whether it is a stream of events that stands between two of them. */
  get isBetweenEvents(): boolean {
    return this.#edge?.isBetweenEvents ?? false;
  }

  /** The code by which the client left, for the backend: NO_ERROR would look like an answer taken to its end. */
  get resetCode(): number {
    return this.#stream.rstCode || constants.NGHTTP2_CANCEL;
  }

  /** The client left; its exchange is told in this tick or the next. */
  get #isClosed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  /** Passes an informational head on. */
  inform(status: number, fields: FlatHeaders): void {
    if (this.#hasHead || this.#isClosed || status === 101) return;
    this.#stream.additionalHeaders({ ':status': status, ...fieldsObject(fields) });
  }

  /**
   * Begins with the backend's head. `isLast`: nothing follows. Returns an error where that cannot be: fields that cannot be
   * sent, or another kind of answer than the stream of events that `comment` began.
   */
  begin(status: number, fields: FlatHeaders, isLast: boolean): Error | null {
    if (this.#isClosed) return null;
    const isEvents = isEventStream(fields);
    if (this.#hasHead) {
      if (status === 200 && isEvents) return null;
      return new Error(`the backend answered ${status} and no events to a stream of events that was begun`);
    }
    const isBodyless = isLast || this.#isHead || status === 204 || status === 205 || status === 304;
    try {
      this.#respond(answerFields(status, fields), isBodyless);
    } catch (error) {
      return error as Error;
    }
    this.#isGrpc = isGrpcType(fieldOf(fields, 'content-type'));
    if (isEvents) this.#edge = new EventEdge();
    return null;
  }

  /** Begins it as a stream of events, or goes on with that. */
  comment(text: string): void {
    if (this.#isHead || this.#isEnded || this.#isClosed) return;
    if (!this.#hasHead) {
      const fields = ['content-type', 'text/event-stream', 'cache-control', 'no-cache'];
      this.#respond(answerFields(200, fields), false);
      this.#edge = new EventEdge();
    }
    if (this.isBetweenEvents) this.write(Buffer.from(text));
  }

  /** False: the client does not take more before `drain`. */
  write(bytes: Buffer): boolean {
    if (this.#isEnded) return true;
    this.#edge?.push(bytes);
    return this.#stream.write(bytes);
  }

  /** The end of the backend's answer. A client that still sends is told that nobody reads (RFC 9113, 8.1). */
  finish(trailers: FlatHeaders | null): void {
    if (this.#isEnded) {
      this.#stopUpload();
      return;
    }
    this.#trailers = trailers ?? [];
    this.#isEnded = true;
    this.#stream.end();
  }

  /** A whole answer: with `grpc-status` in its fields as one frame, else with its length or its trailers. */
  sendOwn({ status, fields, body, trailers }: OwnAnswer): void {
    if (this.#isClosed) return;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const out = answerFields(status, fields);
    const isTrailersOnly = fieldOf(fields, 'grpc-status') !== undefined;
    const hasBody = !isTrailersOnly && status !== 204 && status !== 304;
    const hasTrailers = hasBody && trailers !== undefined && !this.#isHead;
    if (hasBody && !hasTrailers) out.push('content-length', String(bytes.length));
    const isBodyless = !hasBody || this.#isHead || (bytes.length === 0 && !hasTrailers);
    this.#hasHead = true;
    this.#isEnded = true;
    this.#trailers = trailers ?? [];
    this.#stream.respond(out, { endStream: isBodyless, waitForTrailers: hasTrailers });
    if (!isBodyless) this.#stream.end(bytes);
    if (!hasTrailers) this.#stopUpload();
  }

  /** Ends what was begun: an RPC by its status, anything else visibly. */
  cut(answer: OwnAnswer, event: string | null): void {
    if (this.#isEnded) return;
    if (!this.#isGrpc || fieldOf(answer.fields, 'grpc-status') === undefined) {
      this.breakOff(event, 0);
      return;
    }
    const trailers: FlatHeaders = [];
    for (let i = 0; i < answer.fields.length; i += 2) {
      if (answer.fields[i]!.startsWith('grpc-')) trailers.push(answer.fields[i]!, answer.fields[i + 1]!);
    }
    this.finish(trailers);
    this.#linger(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** Resets what was begun, behind `event` where one may stand there. `code` 0: INTERNAL_ERROR. */
  breakOff(event: string | null, code: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const shown = code || constants.NGHTTP2_INTERNAL_ERROR;
    if (event === null || !this.isBetweenEvents) {
      closeSoon(this.#stream, shown);
      return;
    }
    this.#stream.write(event, () => closeSoon(this.#stream, shown));
    this.#linger(shown);
  }

  /** Resets it, begun or not. */
  reset(): void {
    this.#isEnded = true;
    closeSoon(this.#stream, constants.NGHTTP2_CANCEL);
  }

  #respond(fields: string[], isBodyless: boolean): void {
    // A date is the backend's to give.
    const options = { endStream: isBodyless, waitForTrailers: !isBodyless, sendDate: false };
    this.#stream.respond(fields, options);
    this.#hasHead = true;
    this.#isEnded = isBodyless;
  }

  #sendTrailers(): void {
    try {
      this.#stream.sendTrailers(fieldsObject(this.#trailers));
    } catch {
      // A name that nghttp2 took from a backend and Node does not send: the end must not look like one without trailers.
      closeSoon(this.#stream, constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    // Node sends them in an immediate of its own, which was asked for before that of the reset.
    this.#stopUpload();
  }

  #stopUpload(): void {
    const stream = this.#stream;
    if (this.#isClosed || stream.state.remoteClose === 1) return;
    closeSoon(stream, constants.NGHTTP2_NO_ERROR);
  }

  #linger(code: number): void {
    const cancel = this.#clock.setTimer(this.#clock.nowMs() + lingerMs, () => closeSoon(this.#stream, code));
    this.#stream.once('close', cancel);
  }
}

function isEventStream(fields: FlatHeaders): boolean {
  const encoding = fieldOf(fields, 'content-encoding');
  if (encoding !== undefined && encoding !== 'identity') return false;
  return fieldOf(fields, 'content-type')?.startsWith('text/event-stream') ?? false;
}
