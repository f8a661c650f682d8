import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Cancel, Clock } from '../core/clock.ts';

/** One request to a replica. */
export interface HttpQuestion {
  readonly method: string;
  /** `http://host:port`. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** JSON as text; null: none. */
  readonly body: string | null;
  /** The backend's own, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What came back; of the body at most 64 KiB. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const maxBodyBytes = 64 * 1024;

/**
 * Asks over a fresh connection: one kept alive could be closed by a backend that sleeps at the moment of the request.
 * Redirects are not followed. Rejects with an Error of one line (`ECONNREFUSED`, `no answer in 2000 ms`), or with the
 * signal's reason.
 */
export async function askHttp(question: HttpQuestion): Promise<HttpAnswer> {
  question.signal.throwIfAborted();
  return await new HttpExchange(question).answer;
}

class HttpExchange {
  readonly answer: Promise<HttpAnswer>;
  readonly #request: ClientRequest;
  readonly #signal: AbortSignal;
  readonly #cancelTimer: Cancel;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #onAbort = () => this.#fail(this.#signal.reason);

  constructor(question: HttpQuestion) {
    const { method, origin, path, body, timeoutMs, clock, signal } = question;
    this.#signal = signal;
    const answer = Promise.withResolvers<HttpAnswer>();
    this.answer = answer.promise;
    this.#resolve = answer.resolve;
    this.#reject = answer.reject;
    const send = origin.startsWith('https:') ? requestHttps : requestHttp;
    this.#request = send(origin + path, { method, agent: false, headers: headersOf(question) });
    this.#request.once('response', (response) => this.#onResponse(response));
    this.#request.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    this.#request.once('close', () => this.#fail(new Error('no answer')));
    this.#cancelTimer = clock.setTimer(clock.nowMs() + timeoutMs, () =>
      this.#fail(new Error(`no answer in ${timeoutMs} ms`)),
    );
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#request.end(body ?? undefined);
  }

  #onResponse(response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    const chunks: Buffer[] = [];
    let length = 0;
    const end = () => {
      const body = Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8');
      this.#close();
      this.#resolve({ status, body });
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBodyBytes) end();
    });
    response.once('end', () => (response.complete ? end() : this.#fail(new Error('cut off'))));
    response.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#fail(new Error(error.code ?? error.message, { cause: error }));
  }

  /** The first word counts; what the destroyed request still says is ignored. */
  #fail(reason: unknown): void {
    this.#close();
    this.#reject(reason);
  }

  #close(): void {
    this.#cancelTimer();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#request.destroy();
  }
}

function headersOf({ method, headers, body }: HttpQuestion): Record<string, string> {
  if (method === 'GET') return { ...headers };
  const length = String(Buffer.byteLength(body ?? ''));
  const type = body === null ? {} : { 'content-type': 'application/json' };
  return { ...type, ...headers, 'content-length': length };
}
