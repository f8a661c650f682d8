import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { Cancel, Clock } from '../core/clock.ts';

/** One request over a connection of HTTP/2 of its own. */
export interface Http2Question {
  /** `http://host:port` (HTTP/2 from the first byte) or `https://host:port`. */
  readonly origin: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: Uint8Array | null;
  /** More of a body is not read: the answer counts as whole. */
  readonly maxBodyBytes: number;
  /** In milliseconds of the clock. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What came back. */
export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty: there were none. */
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Why there is no answer, in one line: `ECONNREFUSED`, `no HTTP/2`, `no answer in time`. */
export class Http2Failure extends Error {
  /** Whether there was a connection, which the other side did not reset. */
  readonly isConnected: boolean;

  constructor(message: string, isConnected: boolean, cause?: unknown) {
    super(message, { cause });
    this.isConnected = isConnected;
  }
}

/** Asks, and closes the connection. Rejects with an `Http2Failure`, with the signal's reason, or for a header that cannot be sent. */
export async function askHttp2(question: Http2Question): Promise<Http2Answer> {
  question.signal.throwIfAborted();
  const { connect } = await import('node:http2');
  question.signal.throwIfAborted();
  return await new Http2Exchange(connect(question.origin), question).answer;
}

class Http2Exchange {
  readonly answer: Promise<Http2Answer>;
  readonly #question: Http2Question;
  readonly #session: ClientHttp2Session;
  readonly #cancelTimer: Cancel;
  readonly #resolve: (answer: Http2Answer) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #chunks: Buffer[] = [];
  readonly #onAbort = () => this.#fail(this.#question.signal.reason);
  #length = 0;
  #isConnected = false;
  #headers: IncomingHttpHeaders = {};
  #trailers: IncomingHttpHeaders = {};

  constructor(session: ClientHttp2Session, question: Http2Question) {
    const { clock, deadlineMs, signal } = question;
    this.#question = question;
    this.#session = session;
    const answer = Promise.withResolvers<Http2Answer>();
    this.answer = answer.promise;
    this.#resolve = answer.resolve;
    this.#reject = answer.reject;
    session.once('connect', () => {
      this.#isConnected = true;
    });
    session.on('error', (error) => this.#onError(error));
    session.once('close', () => this.#fail(new Http2Failure('closed without an answer', this.#isConnected)));
    this.#cancelTimer = clock.setTimer(deadlineMs, () =>
      this.#fail(
        new Http2Failure(`no ${this.#isConnected ? 'answer' : 'connection'} in time`, this.#isConnected),
      ),
    );
    signal.addEventListener('abort', this.#onAbort, { once: true });
    try {
      this.#listen(this.#send());
    } catch (error) {
      this.#fail(error); // A header that cannot be sent.
    }
  }

  #send(): ClientHttp2Stream {
    const { method, path, headers, body } = this.#question;
    const pseudo = { ':method': method, ':path': path };
    const stream = this.#session.request({ ...headers, ...pseudo }, { endStream: body === null });
    if (body !== null) stream.end(body);
    return stream;
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('error', (error) => this.#onError(error));
    stream.once('response', (headers) => {
      this.#headers = headers;
    });
    stream.once('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      if (this.#length >= this.#question.maxBodyBytes) this.#end();
    });
    stream.once('end', () => this.#end());
  }

  #end(): void {
    const status = this.#headers[':status'];
    if (status === undefined) return; // It was reset: the error says so.
    const body = Buffer.concat(this.#chunks).subarray(0, this.#question.maxBodyBytes);
    this.#close();
    this.#resolve({ status: Number(status), headers: this.#headers, trailers: this.#trailers, body });
  }

  /** A stream that ends because of its session says so, with the session's own error as the cause. */
  #onError(error: NodeJS.ErrnoException): void {
    const root: NodeJS.ErrnoException = error.cause instanceof Error ? error.cause : error;
    const { code = '', syscall, message } = root;
    const isReset = (code === 'ECONNRESET' || code === 'EPIPE') && syscall !== undefined;
    const isForeign = code === 'ERR_HTTP2_ERROR' || code === 'ERR_HTTP2_SESSION_ERROR';
    const what = isForeign ? 'no HTTP/2' : code.startsWith('ERR_') ? message : code || message;
    this.#fail(new Http2Failure(what, this.#isConnected && !isReset, error));
  }

  /** The first word counts; what the destroyed session still says is ignored. */
  #fail(reason: unknown): void {
    this.#close();
    this.#reject(reason);
  }

  #close(): void {
    this.#cancelTimer();
    this.#question.signal.removeEventListener('abort', this.#onAbort);
    this.#session.destroy();
  }
}
