import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../../src/core/clock.ts';
import type { FlatHeaders } from '../../../src/forward/headers.ts';
import { createHttp2Lane, type Http2LaneOptions } from '../../../src/relay/http2/lane.ts';
import { type Listener, openListener } from '../../../src/relay/listener.ts';
import type {
  Crossing,
  HeldRequest,
  Lane,
  LaneEnd,
  Outbound,
  OwnAnswer,
} from '../../../src/relay/traffic.ts';

/** A crossing that writes down what it is told. */
export class Told implements Crossing {
  readonly request: HeldRequest;
  status = 0;
  fields: FlatHeaders = [];
  bytes = 0;
  uploaded = 0;
  broken: { readonly cause: Error; readonly isSent: boolean } | null = null;
  readonly ends: LaneEnd[] = [];
  /** What was told after the end: nothing may. */
  late = 0;
  answer: OwnAnswer = { status: 502, fields: ['content-type', 'text/plain'], body: 'broken' };
  event: string | null = null;
  onHeadCalled: ((told: Told) => void) | null = null;

  constructor(request: HeldRequest) {
    this.request = request;
  }

  get end(): LaneEnd | undefined {
    return this.ends[0];
  }

  onHead(status: number, fields: FlatHeaders): FlatHeaders {
    this.#check();
    this.status = status;
    this.fields = fields;
    this.onHeadCalled?.(this);
    return fields;
  }

  onBytes(bytes: Buffer): void {
    this.#check();
    this.bytes += bytes.length;
  }

  onUpload(bytes: number): void {
    this.#check();
    this.uploaded += bytes;
  }

  onBroken(cause: Error, isSent: boolean): OwnAnswer {
    this.#check();
    this.broken = { cause, isSent };
    return this.answer;
  }

  brokenEvent(cause: Error): string | null {
    this.#check();
    this.broken = { cause, isSent: true };
    return this.event;
  }

  onEnd(end: LaneEnd): void {
    this.ends.push(end);
  }

  #check(): void {
    if (this.ends.length > 0) this.late++;
  }
}

/** A whole answer as a client of the test has it. */
export interface Got {
  readonly fields: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | null;
  readonly code: number;
  readonly informed: IncomingHttpHeaders[];
}

/** A lane of HTTP/2 behind a port, its backends and clients: real sockets, closed together. */
export class Rig {
  readonly told: Told[] = [];
  readonly #closes: (() => unknown)[] = [];
  lane!: Lane;
  listener!: Listener;

  /** Opens the lane. `take` acts on each request; without it each is forwarded to `backendPort`. */
  async open(
    backendPort: number,
    options: Partial<Http2LaneOptions> & { take?: (told: Told) => void } = {},
  ): Promise<void> {
    const { take = (told: Told) => told.request.forward(to(told, backendPort)), ...rest } = options;
    this.lane = createHttp2Lane({
      clock: systemClock,
      traffic: {
        take: (request) => {
          const told = new Told(request);
          this.told.push(told);
          take(told);
          return told;
        },
      },
      ...rest,
    });
    const lanes = { http1: refusing, http2: this.lane };
    this.listener = await openListener({ port: 0, host: '127.0.0.1', lanes, clock: systemClock });
    this.#closes.push(() => {
      this.listener.close();
      this.lane.close();
    });
  }

  /** A backend of HTTP/2; returns its port. */
  async backend(
    onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
    options: ServerOptions = {},
  ): Promise<Http2Server & { readonly port: number }> {
    const server = createServer({ maxSessionMemory: 1_000, ...options });
    server.on('stream', (stream, headers) => {
      stream.on('error', ignore);
      onStream(stream as ServerHttp2Stream, headers);
    });
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (session) => {
      session.on('error', ignore);
      sessions.add(session);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closes.push(() => {
      for (const session of sessions) session.destroy();
      server.close();
    });
    return Object.assign(server, { port: (server.address() as AddressInfo).port });
  }

  /** A backend of bare bytes; returns its port. */
  async tcp(onConnection: (socket: Socket) => void): Promise<number> {
    const server: Server = createTcpServer((socket) => {
      socket.on('error', ignore);
      this.#closes.push(() => socket.destroy());
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closes.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  client(options = {}): ClientHttp2Session {
    // A body that is written in one piece counts as memory of the session.
    const session = connect(`http://127.0.0.1:${this.listener.port}`, {
      maxSessionMemory: 1_000,
      ...options,
    });
    session.on('error', ignore);
    this.#closes.push(() => session.destroy());
    return session;
  }

  onClose(close: () => unknown): void {
    this.#closes.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closes.splice(0).reverse()) await close();
  }
}

/** The request as it came, to a port of this machine. */
export function to(told: Told, port: number): Outbound {
  const { method, target, authority, fields } = told.request.head;
  return { host: '127.0.0.1', port, method, target, authority, fields };
}

/** A request that is sent whole, and what came of it. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Got> {
  const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return got(stream);
}

/** Resolves when the stream is closed, however. */
export function got(stream: ClientHttp2Stream): Promise<Got> {
  let fields: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | null = null;
  const informed: IncomingHttpHeaders[] = [];
  const chunks: Buffer[] = [];
  stream.on('response', (headers) => {
    fields = headers;
  });
  stream.on('headers', (headers) => informed.push(headers));
  stream.on('trailers', (headers) => {
    trailers = headers;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', ignore);
  return new Promise((resolve) =>
    stream.on('close', () =>
      resolve({ fields, body: Buffer.concat(chunks).toString(), trailers, code: stream.rstCode, informed }),
    ),
  );
}

const refusing: Lane = {
  take: (socket) => socket.destroy(),
  drain: () => Promise.resolve(),
  close: ignore,
};

export function ignore(): void {
  return;
}
