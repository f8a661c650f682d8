import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

/** What an app that speaks h2c does with a stream. */
export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** An app that speaks HTTP/2 without TLS. */
export interface H2App {
  readonly port: number;
  /** Heads of the requests, in order. */
  readonly seen: IncomingHttpHeaders[];
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback. */
export async function startH2App(onStream: OnStream): Promise<H2App> {
  const server = createServer();
  const seen: IncomingHttpHeaders[] = [];
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    seen.push(headers);
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    sessions,
    close: () =>
      new Promise((resolve) => {
        for (const session of sessions) session.destroy();
        server.close(() => resolve());
      }),
  };
}

/** How an exchange over HTTP/2 ended. */
export interface H2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  /** SHA-256 of the body, in hex. */
  readonly hash: string;
  /** 0: it ended in order; else the code of the reset. */
  readonly code: number;
}

/** A session with what speaks h2c at `url`. */
export async function openSession(url: string): Promise<ClientHttp2Session> {
  const session = connect(url);
  session.on('error', () => undefined);
  await once(session, 'connect');
  return session;
}

/** Asks on a session; the body of the request is what is written to the stream, unless `endStream` is said. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  endStream = true,
): ClientHttp2Stream {
  const stream = session.request({ ':method': 'POST', ':path': '/', ...headers }, { endStream });
  stream.on('error', () => undefined);
  return stream;
}

/** The answer to it, when it has ended in whatever way. */
export async function answerOf(stream: ClientHttp2Stream): Promise<H2Answer> {
  const parts: Buffer[] = [];
  const hash = createHash('sha256');
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (came) => {
    headers = came;
  });
  stream.on('trailers', (came) => {
    trailers = came;
  });
  stream.on('data', (bytes: Buffer) => {
    hash.update(bytes);
    if (parts.length < 1_000) parts.push(bytes);
  });
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  const body = Buffer.concat(parts).toString();
  return { headers, trailers, body, hash: hash.digest('hex'), code: stream.rstCode };
}
