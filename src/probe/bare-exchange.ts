import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Cancel, Clock } from '../core/clock.ts';
import { type BareAnswer, BareAnswerReader } from './bare-answer.ts';

/** One request without a body, over a connection of its own. */
export interface BareQuestion {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Path and query; what may not stand in one is escaped. */
  readonly target: string;
  /** Sent as they are, after `host` and `connection: close`; one of the name `host` takes its place. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  /** Bytes of the body that are wanted with a status; 0 = the head is enough. */
  readonly bodyLimit: (status: number) => number;
  /** In milliseconds of the clock. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * A GET by HTTP/1.1 on a bare socket, for who asks often and should not load Node's whole HTTP client for it. Certificates are
 * not verified (the kubelet does not either), redirects not followed. Rejects with an Error of one line (`ECONNREFUSED`, `no
 * answer in time`), or with the signal's reason.
 */
export async function askBare(question: BareQuestion): Promise<BareAnswer> {
  question.signal.throwIfAborted();
  const head = headOf(question);
  const socket = await open(question);
  return await new BareExchange(socket, question, head).answer;
}

class BareExchange {
  readonly answer: Promise<BareAnswer>;
  readonly #socket: Socket;
  readonly #reader: BareAnswerReader;
  readonly #signal: AbortSignal;
  readonly #cancelTimer: Cancel;
  readonly #resolve: (answer: BareAnswer) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #onAbort = () => this.#fail(this.#signal.reason);

  constructor(socket: Socket, { bodyLimit, deadlineMs, clock, signal }: BareQuestion, head: string) {
    this.#socket = socket;
    this.#signal = signal;
    this.#reader = new BareAnswerReader(bodyLimit);
    const answer = Promise.withResolvers<BareAnswer>();
    this.answer = answer.promise;
    this.#resolve = answer.resolve;
    this.#reject = answer.reject;
    socket.on('data', (chunk: Buffer) => this.#take(() => this.#reader.push(chunk)));
    socket.once('end', () => this.#take(() => this.#reader.end()));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#fail(new Error(error.code ?? error.message, { cause: error })),
    );
    this.#cancelTimer = clock.setTimer(deadlineMs, () => this.#fail(new Error('no answer in time')));
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
    else socket.write(head, 'latin1');
  }

  #take(read: () => BareAnswer | null): void {
    try {
      const answer = read();
      if (answer === null) return;
      this.#close();
      this.#resolve(answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The first word counts; what the destroyed socket still says is ignored. */
  #fail(reason: unknown): void {
    this.#close();
    this.#reject(reason);
  }

  #close(): void {
    this.#cancelTimer();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#socket.destroy();
  }
}

async function open({ scheme, host, port }: BareQuestion): Promise<Socket> {
  if (scheme === 'http') return connectTcp({ host, port, noDelay: true });
  const { connect } = await import('node:tls');
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...servername });
}

function headOf({ scheme, host, port, target, fields }: BareQuestion): string {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  const authority = port === (scheme === 'https' ? 443 : 80) ? name : `${name}:${port}`;
  const hostField = fields.findLast((field) => field.name.toLowerCase() === 'host');
  const others = fields.filter((field) => field.name.toLowerCase() !== 'host');
  const lines = [
    `GET ${target.replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent)} HTTP/1.1`,
    `Host: ${hostField?.value ?? authority}`,
    'Connection: close',
    ...others.map((field) => `${field.name}: ${field.value}`),
  ];
  if (lines.some((line) => /[\0\r\n]/.test(line))) throw new Error('a header cannot be sent');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
