import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../core/clock.ts';
import type { WarmUpSpec } from '../core/prober.ts';
import { summarize } from './summary.ts';

/** Whom to warm, how, and until when. */
export interface WarmUpQuestion {
  readonly origin: string;
  readonly warmUp: WarmUpSpec;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What of an answer is kept for the reason of a failure; of a good one so much is waited for. */
const maxBodyBytes = 64 * 1024;

/** What a backend says to a route that it does not have, or not for its kind of model (vLLM: 400, 404). */
const unsuitable: ReadonlySet<number> = new Set([400, 404, 405, 422, 501]);

/**
 * Sends one request after the other, each on a connection of its own, until one is suitable; all together within
 * `timeoutMs`. Returns what went wrong, in one line; null: it was answered with 2xx, to the end. Rejects only for what cannot
 * be sent (URL, header).
 */
export async function sendWarmUp({ origin, warmUp, clock, signal }: WarmUpQuestion): Promise<string | null> {
  const late = new AbortController();
  const cancelTimer = clock.setTimer(clock.nowMs() + warmUp.timeoutMs, () => late.abort());
  const ended = AbortSignal.any([signal, late.signal]);
  try {
    let failure: string | null = 'no request';
    for (const request of warmUp.requests) {
      const method = request.body === null ? 'GET' : 'POST';
      const answer = await new WarmUpExchange({ origin, warmUp, request, method }, ended).answer;
      if (late.signal.aborted) return `${method} ${request.path}: no answer in ${warmUp.timeoutMs} ms`;
      failure = answer.failure === null ? null : `${method} ${request.path}: ${answer.failure}`;
      if (!unsuitable.has(answer.status ?? 0)) return failure;
    }
    return failure;
  } finally {
    cancelTimer();
  }
}

interface Answer {
  /** null: there was none. */
  readonly status: number | null;
  readonly failure: string | null;
}

interface Outgoing {
  readonly origin: string;
  readonly warmUp: WarmUpSpec;
  readonly request: WarmUpSpec['requests'][number];
  readonly method: string;
}

class WarmUpExchange {
  readonly answer: Promise<Answer>;
  readonly #request: ClientRequest;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#end('aborted');
  readonly #resolve: (answer: Answer) => void;
  #status: number | null = null;

  constructor({ origin, warmUp, request: { path, body }, method }: Outgoing, signal: AbortSignal) {
    this.#signal = signal;
    const answer = Promise.withResolvers<Answer>();
    this.answer = answer.promise;
    this.#resolve = answer.resolve;
    const send = origin.startsWith('https:') ? requestHttps : requestHttp;
    const type = body === null ? {} : { 'content-type': 'application/json' };
    this.#request = send(origin + path, { agent: false, method, headers: { ...type, ...warmUp.headers } });
    this.#request.once('response', (response) => this.#onResponse(response));
    this.#request.on('error', (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    this.#request.once('close', () => this.#end('no answer'));
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
    else this.#request.end(body ?? undefined);
  }

  #onResponse(response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    this.#status = status;
    const chunks: Buffer[] = [];
    let length = 0;
    const judge = () => {
      const isGood = status >= 200 && status < 300;
      const text = Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8');
      this.#end(isGood ? null : `${status} ${summarize(text)}`.trimEnd());
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBodyBytes) judge();
    });
    response.once('end', judge);
    response.on('error', (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
  }

  /** The first word counts; what the destroyed request still says is ignored. */
  #end(failure: string | null): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve({ status: this.#status, failure });
    this.#request.destroy();
  }
}
