import type { Dispatcher } from 'undici';
import { Pool } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { KubeAccess } from './access.ts';
import { type ApiRequest, type KubeApi, KubeError, type TextRequest, type WatchEvent } from './api.ts';
import { failureOf, maxRetryAfterMs, noAnswer } from './failure.ts';
import { inTime } from './send-in-time.ts';
import { WatchStream } from './watch-stream.ts';

/** A request that was answered, or not (`status` 0): for metrics and tests. */
export interface AnsweredRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly isWatch: boolean;
}

/** What the client needs. */
export interface KubeApiOptions {
  readonly access: KubeAccess;
  readonly clock: Clock;
  readonly userAgent: string;
  onRequest?(request: AnsweredRequest): void;
}

const defaultTimeoutMs = 10_000;
const connectTimeoutMs = 5_000;
/** Before a throttled call is made again, whatever the server says. */
const minPauseMs = 100;
const maxBodyBytes = 64 * 1024 * 1024;
/** Calls at a time; watches have connections of their own. */
const maxCalls = 16;
const maxTexts = 4;

type Answer = Dispatcher.ResponseData;

/** How a request is sent. */
interface Sending {
  readonly pool: Pool;
  /** From then on (`nowMs`) it is not sent any more. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** How a call is made. */
interface Way<T> {
  readonly pool: Pool;
  readonly maxBytes: number;
  /** Of an answer that tells no failure. */
  read(text: string): T;
}

async function textOf({ body }: Answer, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

/** Calls `onIdle` once `touch` has not been called for `idleMs`. */
function idleTimer(clock: Clock, idleMs: number, onIdle: () => void) {
  let lastMs = clock.nowMs();
  let cancel = clock.setTimer(lastMs + idleMs, check);
  function check(): void {
    if (clock.nowMs() - lastMs >= idleMs) onIdle();
    else cancel = clock.setTimer(lastMs + idleMs, check);
  }
  return {
    touch: () => {
      lastMs = clock.nowMs();
    },
    cancel: () => cancel(),
  };
}

class Client implements KubeApi {
  readonly namespace: string;
  readonly server: string;
  readonly #options: KubeApiOptions;
  readonly #calls: Pool;
  readonly #texts: Pool;
  readonly #watches: Pool;
  readonly #prefix: string;

  constructor(options: KubeApiOptions) {
    const { server, namespace, tls } = options.access;
    const url = new URL(server);
    const pool = { pipelining: 1, headersTimeout: 0, bodyTimeout: 0, allowH2: false };
    const connect = { ...tls, timeout: connectTimeoutMs };
    this.#options = options;
    this.namespace = namespace;
    this.server = server;
    this.#prefix = url.pathname.replace(/\/$/, '');
    this.#calls = new Pool(url.origin, { ...pool, connect, connections: maxCalls });
    this.#texts = new Pool(url.origin, { ...pool, connect, connections: maxTexts });
    this.#watches = new Pool(url.origin, { ...pool, connect, connections: null });
  }

  call<T>(request: ApiRequest): Promise<T> {
    const read = (text: string) => JSON.parse(text) as T;
    return this.#answered(request, { pool: this.#calls, maxBytes: maxBodyBytes, read });
  }

  text({ maxBytes, ...request }: TextRequest): Promise<string> {
    const read = (text: string) => text;
    return this.#answered({ method: 'GET', ...request }, { pool: this.#texts, maxBytes, read });
  }

  async #answered<T>(request: ApiRequest, { pool, maxBytes, read }: Way<T>): Promise<T> {
    const { clock } = this.#options;
    const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
    const deadlineMs = clock.nowMs() + timeoutMs;
    const ended = new AbortController();
    const signal = AbortSignal.any([request.signal, ended.signal]);
    const cancel = clock.setTimer(deadlineMs, () => ended.abort(new Error(`no answer for ${timeoutMs} ms`)));
    try {
      for (let attempt = 0; ; attempt++) {
        const answer = await this.#send(request, { signal, pool, deadlineMs });
        const text = await textOf(answer, maxBytes);
        if (answer.statusCode < 300) return read(text);
        const failure = failureOf(request, answer, text);
        if (failure.status === 401 && attempt === 0) {
          this.#options.access.refresh();
          continue;
        }
        const askedMs = failure.status === 429 ? failure.retryAfterMs : null;
        const waitMs = Math.max(minPauseMs, askedMs ?? 0);
        if (askedMs === null || waitMs > maxRetryAfterMs) throw failure;
        if (clock.nowMs() + waitMs >= deadlineMs) throw failure;
        await clock.sleep(waitMs, signal);
      }
    } catch (error) {
      if (error instanceof KubeError) throw error;
      request.signal.throwIfAborted();
      throw noAnswer(request, ended.signal.aborted ? ended.signal.reason : error);
    } finally {
      cancel();
    }
  }

  async watch(
    path: string,
    onEvent: (event: WatchEvent) => void,
    options: Parameters<KubeApi['watch']>[2],
  ): Promise<void> {
    const { idleMs, onOpen } = options;
    const ended = new AbortController();
    const signal = AbortSignal.any([options.signal, ended.signal]);
    const idle = idleTimer(this.#options.clock, idleMs, () =>
      ended.abort(new Error(`nothing heard for ${idleMs} ms`)),
    );
    const request: ApiRequest = { method: 'GET', path, signal };
    const sending = { pool: this.#watches, deadlineMs: Number.POSITIVE_INFINITY, signal };
    try {
      let answer = await this.#send(request, sending);
      if (answer.statusCode === 401) {
        await answer.body.dump();
        this.#options.access.refresh();
        answer = await this.#send(request, sending);
      }
      if (answer.statusCode !== 200) throw failureOf(request, answer, await textOf(answer, maxBodyBytes));
      onOpen?.();
      const stream = new WatchStream(onEvent);
      for await (const chunk of answer.body) {
        idle.touch();
        stream.push(chunk as Buffer);
      }
    } catch (error) {
      if (error instanceof KubeError) throw error;
      options.signal.throwIfAborted();
      throw noAnswer(request, ended.signal.aborted ? ended.signal.reason : error);
    } finally {
      idle.cancel();
    }
  }

  async #send(request: ApiRequest, { pool, deadlineMs, signal }: Sending): Promise<Answer> {
    const { access, clock, userAgent, onRequest } = this.#options;
    const { method, path, body, patchType } = request;
    let status = 0;
    try {
      const headers: Record<string, string> = {
        ...(await access.headers()),
        // What is no object has no type of its own to ask for: the server knows only those of objects.
        accept: pool === this.#texts ? 'application/json, */*' : 'application/json',
        'user-agent': userAgent,
      };
      if (body !== undefined) headers['content-type'] = patchType ?? 'application/json';
      const payload = body === undefined ? null : JSON.stringify(body);
      const refusal = () =>
        clock.nowMs() < deadlineMs ? null : new Error('not sent: its time was over before it could be');
      const answer = await pool.compose(inTime(refusal)).request({
        method,
        path: this.#prefix + path,
        headers,
        body: payload,
        signal,
      });
      status = answer.statusCode;
      return answer;
    } finally {
      onRequest?.({ method, path, status, isWatch: pool === this.#watches });
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#calls, this.#texts, this.#watches].map((pool) => pool.destroy()));
  }
}

/** The API server as a KubeApi, over HTTP/1.1: calls share a few connections, texts a few others, each watch has its own. */
export function createKubeApi(options: KubeApiOptions): KubeApi {
  return new Client(options);
}
