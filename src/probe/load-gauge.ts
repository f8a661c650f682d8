import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type Cancel, type Clock, systemClock } from '../core/clock.ts';
import type { LoadGauge } from '../core/load-gauge.ts';
import { readBackendLoad } from './backend-metrics.ts';

export interface LoadGaugeOptions {
  /** Sent along (the backend's own key), lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the metrics are; begins with `/`. Default `/metrics`. */
  readonly path?: string;
  /** A slower answer counts as none. Default 2 s. */
  readonly timeoutMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** An exposition of a large vLLM has some 200 KiB. */
const maxBodyBytes = 4 * 1024 * 1024;

/** Reads a backend's Prometheus metrics over a fresh connection, like a probe. Redirects are not followed. */
export function createLoadGauge(options: LoadGaugeOptions = {}): LoadGauge {
  return {
    async read(origin, signal) {
      signal.throwIfAborted();
      const text = await readMetrics(origin, options, signal);
      signal.throwIfAborted();
      return text === null ? null : readBackendLoad(text);
    },
  };
}

async function readMetrics(
  origin: string,
  options: LoadGaugeOptions,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    return await new MetricsRequest(origin, options, signal).result;
  } catch {
    return null; // An origin or header that cannot be sent: whoever routes requests there says so.
  }
}

class MetricsRequest {
  readonly result: Promise<string | null>;
  readonly #request: ClientRequest;
  readonly #cancelTimer: Cancel;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#end(null);
  readonly #resolve: (text: string | null) => void;

  constructor(origin: string, options: LoadGaugeOptions, signal: AbortSignal) {
    const { headers = {}, path = '/metrics', timeoutMs = 2_000, clock = systemClock } = options;
    this.#signal = signal;
    const result = Promise.withResolvers<string | null>();
    this.result = result.promise;
    this.#resolve = result.resolve;
    const send = origin.startsWith('https:') ? requestHttps : requestHttp;
    this.#request = send(origin + path, { agent: false, headers: { accept: 'text/plain', ...headers } });
    this.#request.once('response', (response) => this.#onResponse(response));
    this.#request.on('error', () => this.#end(null));
    this.#request.once('close', () => this.#end(null));
    this.#cancelTimer = clock.setTimer(clock.nowMs() + timeoutMs, () => this.#end(null));
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#request.end();
  }

  #onResponse(response: IncomingMessage): void {
    const type = response.headers['content-type'] ?? 'text/plain';
    if (response.statusCode !== 200 || !/^(?:text\/plain|application\/openmetrics-text)\b/i.test(type)) {
      this.#end(null);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBodyBytes) this.#end(null);
    });
    response.once('end', () => this.#end(response.complete ? Buffer.concat(chunks).toString('utf8') : null));
    response.on('error', () => this.#end(null));
  }

  /** The first word counts; what the destroyed request still says is ignored. */
  #end(text: string | null): void {
    this.#cancelTimer();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(text);
    this.#request.destroy();
  }
}
