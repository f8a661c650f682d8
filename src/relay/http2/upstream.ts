import { type ClientHttp2Stream, constants } from 'node:http2';
import type { FlatHeaders } from '../../forward/headers.ts';
import { type BodyReader, fieldOf, type Outbound } from '../traffic.ts';
import type { BackendSession } from './backend-session.ts';
import type { Backend, Backends, Waiter } from './backends.ts';
import { closeSoon } from './close-soon.ts';
import { fieldsObject, plainFields, requestFields } from './head.ts';
import type { RequestBody } from './request-body.ts';

/** What is known of an exchange with a backend that failed. */
export interface Failure {
  /** The backend may have begun with the request. */
  readonly isSent: boolean;
  /** Some of the body is gone: it cannot be sent again. */
  readonly hasTaken: boolean;
  /** The code by which the stream was reset; 0: none. */
  readonly code: number;
}

/** Whose request it is. */
export interface UpstreamOwner {
  readonly body: RequestBody;
  readonly isHead: boolean;
  onUpload(bytes: number): void;
  onInformation(status: number, fields: FlatHeaders): void;
  /** `isLast`: nothing follows. */
  onHead(status: number, fields: FlatHeaders, isLast: boolean): void;
  /** False: no more until `resume`. */
  onBytes(bytes: Buffer): boolean;
  onAnswered(trailers: FlatHeaders | null): void;
  onBroken(cause: Error, failure: Failure): void;
}

/** One request's exchange with its backend, from the wish for a connection to the end of the stream. */
export class Upstream implements Waiter, BodyReader {
  readonly #outbound: Outbound;
  readonly #owner: UpstreamOwner;
  #backend: Backend | null = null;
  #stream: ClientHttp2Stream | null = null;
  #isLeft = false;
  #isAnswered = false;
  #hasTaken = false;
  #trailers: FlatHeaders | null = null;
  #error: Error | null = null;
  /** Bytes of the answer that content-length promised and that did not come; negative: unknown. */
  #missing = -1;

  constructor(outbound: Outbound, backends: Backends, owner: UpstreamOwner) {
    this.#outbound = outbound;
    this.#owner = owner;
    // What came with the head, trailers above all, is told by Node in the ticks behind that of the head.
    process.nextTick(() => {
      if (this.#isLeft) return;
      const { host, port, isTls = false, connectMs = 0 } = outbound;
      this.#backend = backends.ask({ host, port, isTls }, connectMs, this);
    });
  }

  /** The client takes more. */
  resume(): void {
    if (!this.#isLeft) this.#stream?.resume();
  }

  /**
   * No more of it is wanted. `code` is what the backend is told where it did not answer to the end; null: CANCEL. True: it is
   * told in an immediate of its own, and was at work until then.
   */
  leave(code: number | null): boolean {
    if (this.#isLeft) return false;
    this.#isLeft = true;
    this.#backend?.cancel(this);
    const stream = this.#stream;
    if (stream === null || stream.destroyed) return false;
    stream.resume();
    if (this.#isAnswered && stream.state.localClose === 1) return false;
    closeSoon(stream, code ?? constants.NGHTTP2_CANCEL);
    return true;
  }

  onUnreachable(cause: Error): void {
    if (!this.#isLeft) this.#owner.onBroken(cause, { isSent: false, hasTaken: this.#hasTaken, code: 0 });
  }

  onSession(session: BackendSession): void {
    const { body } = this.#owner;
    const prefix = this.#outbound.prefix ?? [];
    const isEmpty = body.isOver && prefix.length === 0 && body.trailers === null;
    const waitForTrailers = !isEmpty && !(body.isComplete && body.trailers === null);
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(requestFields(this.#outbound), { endStream: isEmpty, waitForTrailers });
    } catch (error) {
      this.onUnreachable(error as Error);
      return;
    }
    this.#stream = stream;
    this.#listen(stream, session);
    if (!isEmpty) this.#sendBody(stream, prefix);
  }

  onChunk(chunk: Buffer): void {
    this.#hasTaken = true;
    this.#owner.onUpload(chunk.length);
    if (!this.#isLeft && !this.#stream!.write(chunk)) this.#owner.body.pause();
  }

  onEnd(): void {
    this.#stream!.end();
  }

  #sendBody(stream: ClientHttp2Stream, prefix: readonly Buffer[]): void {
    const { body } = this.#owner;
    stream.on('drain', () => {
      if (!this.#isLeft) body.read(this);
    });
    stream.on('wantTrailers', () => stream.sendTrailers(fieldsObject(body.trailers ?? [])));
    let hasRoom = true;
    for (const bytes of prefix) {
      this.#owner.onUpload(bytes.length);
      if (this.#isLeft) return;
      hasRoom = stream.write(bytes);
    }
    if (hasRoom) body.read(this);
  }

  #listen(stream: ClientHttp2Stream, session: BackendSession): void {
    stream.on('headers', (fields, _flags, raw) => {
      const status = Number(fields[':status']);
      if (!this.#isLeft && status < 200) this.#owner.onInformation(status, plainFields(raw));
    });
    stream.on('response', (fields, flags, raw) =>
      this.#onResponse(Number(fields[':status']), flags, plainFields(raw)),
    );
    stream.on('trailers', (_fields, _flags, raw) => {
      this.#trailers = plainFields(raw);
    });
    stream.on('error', (error) => {
      this.#error = error;
    });
    stream.on('close', () => {
      session.leave();
      if (!this.#isLeft && !this.#isAnswered) this.#broken(stream, session);
    });
  }

  #onResponse(status: number, flags: number, fields: FlatHeaders): void {
    if (this.#isLeft) return;
    const isLast = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (!isLast && !this.#owner.isHead) this.#missing = Number(fieldOf(fields, 'content-length') ?? -1);
    this.#owner.onHead(status, fields, isLast);
    const stream = this.#stream!;
    if (this.#isLeft) return;
    stream.on('data', (bytes: Buffer) => {
      if (this.#isLeft) return;
      this.#missing -= bytes.length;
      if (!this.#owner.onBytes(bytes) && !this.#isLeft) stream.pause();
    });
    stream.on('end', () => this.#onAnswerEnd(stream));
  }

  #onAnswerEnd(stream: ClientHttp2Stream): void {
    // A stream that is cut ends as well, and so does one that the backend left off with NO_ERROR.
    if (this.#isLeft || stream.destroyed || this.#missing > 0) return;
    this.#isAnswered = true;
    this.#owner.onAnswered(this.#trailers);
  }

  #broken(stream: ClientHttp2Stream, session: BackendSession): void {
    const code = stream.rstCode;
    const cause = session.error ?? this.#error ?? new Error(`the backend reset the stream with code ${code}`);
    const isSent = !session.isUnprocessed(stream);
    this.#owner.onBroken(cause, { isSent, hasTaken: this.#hasTaken, code });
  }
}
