import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dispatcher, Pool } from 'undici';
import { afterEach } from 'vitest';
import type { RelaySink, Tap, TapHandler } from '../../src/forward/tap.ts';
import { createTapPool } from '../../src/forward/tap-client.ts';

/** A server that hands each request's head (no bodies) to `respond` with the number of requests on that connection before it. */
export interface RawBackend {
  readonly origin: string;
  readonly connections: Socket[];
  close(): Promise<void>;
}

/** Starts a raw backend on a free port. */
export async function startRawBackend(
  respond: (socket: Socket, head: string, index: number) => void | Promise<void>,
): Promise<RawBackend> {
  const connections: Socket[] = [];
  const server: Server = createServer({ noDelay: true }, (socket) => {
    connections.push(socket);
    let received = '';
    let index = 0;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        const head = received.slice(0, end);
        received = received.slice(end + 4);
        void respond(socket, head, index++);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    async close() {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Writes the parts one after the other, each in a read of its own as far as loopback allows. */
export async function writeParts(socket: Socket, parts: readonly string[], turnsBetween = 3): Promise<void> {
  for (const part of parts) {
    if (socket.destroyed) return;
    socket.write(part, 'latin1');
    for (let i = 0; i < turnsBetween; i++) await nextTurn();
  }
}

/** A handler that relays where it can and records everything; `finished` resolves at the end or with the error. */
export class RecordingHandler implements Dispatcher.DispatchHandler, TapHandler, RelaySink {
  tap: Tap | null = null;
  controller: Dispatcher.DispatchController | null = null;
  statusCodes: number[] = [];
  canRelay: boolean | null = null;
  /** What an HTTP/1.1 client would get as its body, framing included, up to the last chunk. */
  wire = '';
  data = '';
  relayed = '';
  relayCalls = 0;
  trailers: Record<string, unknown> = {};
  error: Error | null = null;
  /** Called after each piece of body; its answer to relay() is given back. */
  onPiece: (handler: RecordingHandler) => boolean = () => true;
  readonly finished: Promise<void>;
  readonly #finish: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number): void {
    this.statusCodes.push(statusCode);
    if (this.tap !== null) this.canRelay = this.tap.relayTo(this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const text = chunk.toString('latin1');
    this.data += text;
    this.wire += `${text.length.toString(16)}\r\n${text}\r\n`;
    this.onPiece(this);
  }

  relay(bytes: Buffer, length: number): boolean {
    const text = bytes.toString('latin1', 0, length);
    this.relayCalls++;
    this.relayed += text;
    this.wire += text;
    return this.onPiece(this);
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: Record<string, unknown>): void {
    this.trailers = trailers;
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.error = error;
    this.#finish();
  }

  /** The decoded body; throws where the wire is not a whole number of well-formed chunks. */
  get body(): string {
    let body = '';
    for (let at = 0; at < this.wire.length; ) {
      const lineEnd = this.wire.indexOf('\r\n', at);
      const length = Number.parseInt(this.wire.slice(at, lineEnd), 16);
      const end = lineEnd + 2 + length;
      if (!(length > 0) || this.wire.slice(end, end + 2) !== '\r\n') throw new Error(`bad framing at ${at}`);
      body += this.wire.slice(lineEnd + 2, end);
      at = end + 2;
    }
    return body;
  }
}

/** The head of a response that can be relayed. */
export const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
/** What open() left to close after the test. */
export const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A raw backend and a pool of one connection to it, both closed after the test. */
export async function open(respond: (socket: Socket, head: string, index: number) => void | Promise<void>) {
  const backend = await startRawBackend(respond);
  const pool = createTapPool(backend.origin, {
    connections: 1,
    connectTimeoutMs: 5_000,
    keepAliveTimeoutMs: 4_000,
  });
  closers.push(backend.close, () => pool.destroy());
  return { backend, pool };
}

/** Sends one request and waits for its end. */
export async function send(
  pool: Pool,
  options: Partial<Dispatcher.DispatchOptions> = {},
): Promise<RecordingHandler> {
  const handler = new RecordingHandler();
  pool.dispatch({ path: '/', method: 'GET', ...options }, handler);
  await handler.finished;
  return handler;
}

/** The answer to one request where the backend writes `parts`, each in a read of its own. */
export async function answerTo(
  parts: string[],
  options: Partial<Dispatcher.DispatchOptions> = {},
  isClosed = false,
) {
  const { pool, backend } = await open(async (socket) => {
    await writeParts(socket, parts);
    if (isClosed) socket.end();
  });
  return { answer: await send(pool, options), pool, backend };
}
