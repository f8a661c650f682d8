import { connect, createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** A client that writes bytes as the test wants them and keeps what comes back. */
export class RawClient {
  readonly socket: Socket;
  /** Everything received so far, as latin1. */
  text = '';
  isClosed = false;
  #onChange: (() => void)[] = [];

  constructor(socket: Socket | TLSSocket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.#changed();
    });
    // A reset is a close as well; what matters is what arrived before it.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
      this.#changed();
    });
  }

  static open(url: string): RawClient {
    const { hostname, port } = new URL(url);
    return new RawClient(connect(Number(port), hostname));
  }

  write(text: string): this {
    this.socket.write(Buffer.from(text, 'latin1'));
    return this;
  }

  /** Resolves with all that was received once `pattern` is in it; rejects when the connection closes without. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.isClosed) throw new Error(`closed before ${pattern}: ${JSON.stringify(this.text)}`);
      await this.#change();
    }
    return this.text;
  }

  /** Resolves with all that was received once the server has closed the connection. */
  async closed(): Promise<string> {
    while (!this.isClosed) await this.#change();
    return this.text;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #changed(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}

/** Status of the last answer in what was received, and its error code, if it is an error. */
export function lastAnswer(text: string): { status: number; code: string | null; fields: string } {
  const at = text.lastIndexOf('HTTP/1.1 ');
  const [head = '', body = ''] = text.slice(at).split('\r\n\r\n');
  const code = /"code":"(\w+)"/.exec(body)?.[1] ?? null;
  return { status: Number(head.slice(9, 12)), code, fields: head.toLowerCase() };
}

/** A backend that keeps the bytes of every connection and answers each complete request with `ok`. */
export interface RawBackend {
  readonly url: string;
  /** What arrived, one text per connection on which anything did. */
  readonly received: () => string[];
  /** Requests that arrived to their end. */
  readonly complete: () => string[];
  /** Connections that were closed in the middle of a request. */
  readonly cut: () => number;
  close(): Promise<void>;
}

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

export async function startRawBackend(): Promise<RawBackend> {
  const connections: { text: string }[] = [];
  const complete: string[] = [];
  let cut = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const connection = { text: '' };
    connections.push(connection);
    let rest = '';
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      if (rest !== '') cut++;
    });
    socket.on('data', (chunk: Buffer) => {
      connection.text += chunk.toString('latin1');
      rest += chunk.toString('latin1');
      for (let length = requestLength(rest); length > 0; length = requestLength(rest)) {
        complete.push(rest.slice(0, length));
        rest = rest.slice(length);
        socket.write(answer);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${address.port}`,
    received: () => connections.map(({ text }) => text).filter((text) => text !== ''),
    complete: () => complete,
    cut: () => cut,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Length of the request that `text` begins with; 0: it is not complete. */
function requestLength(text: string): number {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return 0;
  const head = text.slice(0, end).toLowerCase();
  if (head.includes('\r\ntransfer-encoding: chunked')) {
    const last = text.indexOf('\r\n0\r\n\r\n', end + 2);
    return last === -1 ? 0 : last + 7;
  }
  const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
  return text.length >= end + 4 + length ? end + 4 + length : 0;
}
