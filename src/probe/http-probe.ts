import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Cancel } from '../core/clock.ts';
import type { ProbeResult, ReadySpec } from '../core/prober.ts';
import type { ProbeQuestion } from './question.ts';
import { summarize } from './summary.ts';

const maxBodyBytes = 64 * 1024;

/** One GET of `ready.path` on a connection of its own. Rejects only for what cannot be sent (URL, header). */
export function probeHttp(question: ProbeQuestion): Promise<ProbeResult> {
  return new HttpProbe(question).result;
}

class HttpProbe {
  readonly result: Promise<ProbeResult>;
  readonly #ready: ReadySpec;
  readonly #request: ClientRequest;
  readonly #cancelTimer: Cancel;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#end('unreachable', 'aborted');
  readonly #resolve: (result: ProbeResult) => void;
  #isConnected = false;
  #status: number | null = null;

  constructor({ origin, ready, clock, signal }: ProbeQuestion) {
    this.#ready = ready;
    this.#signal = signal;
    const result = Promise.withResolvers<ProbeResult>();
    this.result = result.promise;
    this.#resolve = result.resolve;
    const send = origin.startsWith('https:') ? requestHttps : requestHttp;
    this.#request = send(origin + ready.path, { agent: false, headers: ready.headers });
    this.#request.once('socket', (socket) => {
      socket.once('connect', () => {
        this.#isConnected = true;
      });
    });
    this.#request.once('response', (response) => this.#onResponse(response));
    this.#request.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    this.#request.once('close', () => this.#end('loading', 'no answer'));
    this.#cancelTimer = clock.setTimer(clock.nowMs() + ready.timeoutMs, () => this.#onTimeout());
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#request.end();
  }

  #onResponse(response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    this.#status = status;
    const isRightStatus = this.#ready.statuses.includes(status);
    if (isRightStatus && this.#ready.body === null) {
      this.#end('ready', `${status}`);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const judge = () => {
      const body = Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8');
      if (isRightStatus && body.includes(this.#ready.body ?? '')) this.#end('ready', `${status}`);
      else this.#end('loading', `${status} ${summarize(body)}`.trimEnd());
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBodyBytes) judge();
    });
    response.once('end', judge);
    response.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
  }

  #onTimeout(): void {
    const limit = `in ${this.#ready.timeoutMs} ms`;
    if (!this.#isConnected) this.#end('unreachable', `no connection ${limit}`);
    else if (this.#status === null) this.#end('loading', `no answer ${limit}`);
    else this.#end('loading', `${this.#status}, body not complete ${limit}`);
  }

  /** A reset (by the peer, or by a forwarder with nobody behind it) has a system call; a mere end of the stream has none. */
  #onError(error: NodeJS.ErrnoException): void {
    const isReset = (error.code === 'ECONNRESET' || error.code === 'EPIPE') && error.syscall !== undefined;
    const what = error.code === undefined || error.message === 'socket hang up' ? error.message : error.code;
    this.#end(this.#isConnected && !isReset ? 'loading' : 'unreachable', what);
  }

  /** The first verdict counts; what the destroyed request still says is ignored. */
  #end(state: ProbeResult['state'], what: string): void {
    this.#cancelTimer();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve({ state, detail: `GET ${this.#ready.path}: ${what}` });
    this.#request.destroy();
  }
}
