import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type Cancel, type Clock, systemClock } from '../core/clock.ts';
import type { LoadGauge } from '../core/load-gauge.ts';

export interface RunningGaugeOptions {
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

/**
 * Gauges of requests that run or wait, each the name of the whole metric without labels. SGLang's and vLLM's have a series
 * per model or engine, Triton's per model: they are summed.
 */
const gaugeNames = new Set([
  'vllm:num_requests_running',
  'vllm:num_requests_waiting',
  'sglang:num_running_reqs',
  'sglang:num_queue_reqs',
  'llamacpp:requests_processing',
  'llamacpp:requests_deferred',
  'tgi_batch_current_size',
  'tgi_queue_size',
  'nv_inference_pending_request_count',
]);

/** Reads a backend's Prometheus metrics over a fresh connection, like a probe. Redirects are not followed. */
export function createRunningGauge(options: RunningGaugeOptions = {}): LoadGauge {
  return {
    async running(origin, signal) {
      signal.throwIfAborted();
      const text = await readMetrics(origin, options, signal);
      signal.throwIfAborted();
      return text === null ? null : sumGauges(text);
    },
  };
}

/** The sum over all series of the gauges that are known, or null where there is none. */
function sumGauges(text: string): number | null {
  let sum: number | null = null;
  for (const [, name = '', rest = ''] of text.matchAll(/^([a-zA-Z_:][a-zA-Z0-9_:]*)(.*)$/gm)) {
    const count = gaugeNames.has(name) ? countOf(rest) : null;
    if (count !== null) sum = (sum ?? 0) + count;
  }
  return sum;
}

/** Of `{labels} value [timestamp]`; a label's value may hold braces and escaped quotes. */
function countOf(rest: string): number | null {
  const sample = rest.trimStart().replace(/^\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}/, '');
  const count = Number(sample.trim().split(/\s+/, 1)[0] || Number.NaN);
  return Number.isFinite(count) && count >= 0 ? count : null;
}

async function readMetrics(
  origin: string,
  options: RunningGaugeOptions,
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

  constructor(origin: string, options: RunningGaugeOptions, signal: AbortSignal) {
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
