import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseBody, parseHead, type RawBody, type RawHead } from './raw-message.ts';
import { Signal } from './raw-signal.ts';

/** One request as it arrives at a raw backend, and the connection to answer it on. */
export class RawExchange {
  readonly socket: Socket;
  readonly head: RawHead;
  readonly #signal: Signal;
  /** All that has arrived of its body, framing included. */
  raw: Buffer = Buffer.alloc(0);
  isClosed = false;

  constructor(socket: Socket, head: RawHead, signal: Signal) {
    this.socket = socket;
    this.head = head;
    this.#signal = signal;
  }

  get path(): string {
    return this.head.startLine.split(' ')[1]!;
  }

  get requestId(): string {
    return this.head.fields.get('x-request-id') ?? '';
  }

  /** The body as far as it has arrived. */
  get body(): RawBody {
    return parseBody(this.raw, this.head.fields);
  }

  /** Resolves when `bytes` of the body have arrived; rejects when the connection closes before. */
  untilBytes(bytes: number): Promise<Buffer> {
    return this.#signal.until(() => {
      const { body } = this;
      if (body.bytes.length >= bytes) return body.bytes;
      if (this.isClosed) throw new Error(`closed after ${body.bytes.length} of ${bytes} bytes`);
      return undefined;
    });
  }

  /** Resolves with the whole body; rejects when the connection closes before its end. */
  whole(): Promise<Buffer> {
    return this.#signal.until(() => {
      const { body } = this;
      if (body.isWhole) return body.bytes;
      if (this.isClosed)
        throw new Error(`closed after ${body.bytes.length} bytes of a body that is not whole`);
      return undefined;
    });
  }

  /** Resolves when the gateway has closed the connection. */
  closed(): Promise<true> {
    return this.#signal.until(() => this.isClosed || undefined);
  }

  /** Writes bytes of an answer, and resolves when they have been handed to the system. */
  async write(bytes: string | Buffer): Promise<void> {
    if (this.socket.destroyed) return;
    await new Promise<void>((resolve) =>
      this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve()),
    );
  }

  /** Answers with a body of known length. */
  answer(body: string, statusLine = '200 OK', fields = ''): Promise<void> {
    return this.write(`HTTP/1.1 ${statusLine}\r\ncontent-length: ${body.length}\r\n${fields}\r\n${body}`);
  }

  /** Closes in order. */
  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** What a raw backend does with a request, from the moment its head has arrived. */
export type Script = (exchange: RawExchange) => void | Promise<void>;

/** Answers `ok` once the whole request has arrived. */
export const answerOk: Script = async (exchange) => {
  await exchange.whole();
  await exchange.answer('ok');
};

/** A TCP server that is scripted byte by byte. */
export class RawBackend {
  /** What it does with the next requests. */
  script: Script;
  /** Called with each connection before a byte has arrived. */
  onConnection: (socket: Socket) => void = () => undefined;
  /** Requests whose head has arrived, in that order. */
  readonly exchanges: RawExchange[] = [];
  /** Failures of scripts, which are those of the test. */
  readonly faults: unknown[] = [];
  readonly sockets = new Set<Socket>();
  readonly signal = new Signal();
  #server: Server | null = null;
  #port: number;

  /** `port`: where it will listen; 0: on a free one. */
  constructor(script: Script, port = 0) {
    this.script = script;
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens: on a free port the first time, then on the same again. */
  async listen(): Promise<this> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  #accept(socket: Socket): void {
    this.sockets.add(socket);
    let current: RawExchange | null = null;
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (current !== null) current.isClosed = true;
      this.signal.tell();
    });
    socket.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length > 0) {
        if (current === null || (current.body.isWhole && rest.length > 0)) {
          const head = parseHead(rest);
          if (head === null) break;
          rest = rest.subarray(head.length);
          current = new RawExchange(socket, head, this.signal);
          this.exchanges.push(current);
          this.#run(current);
        }
        current.raw = Buffer.concat([current.raw, rest]);
        const taken = current.body.isWhole ? current.body.length : current.raw.length;
        rest = current.raw.subarray(taken);
        current.raw = current.raw.subarray(0, taken);
      }
      this.signal.tell();
    });
    this.onConnection(socket);
  }

  #run(exchange: RawExchange): void {
    Promise.resolve(this.script(exchange)).catch((error: unknown) => this.faults.push(error));
  }

  /** Resolves with the n-th request (0 is the first) once its head has arrived. */
  exchange(n: number): Promise<RawExchange> {
    return this.signal.until(() => this.exchanges[n]);
  }

  /** How often each request arrived, by its x-request-id. */
  countById(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { requestId } of this.exchanges) counts.set(requestId, (counts.get(requestId) ?? 0) + 1);
    return counts;
  }

  /** Refuses connections from now on; those that are open stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.close();
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const socket of this.sockets) socket.destroy();
  }
}
