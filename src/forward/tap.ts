import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { ChunkScanner } from './chunk-scanner.ts';
import { bytesAfterHead, hasChunkedBody, type ResponseHeaders } from './tap-head.ts';
import { errors } from './undici-core.ts';

/** Where the body of a tapped response goes, as it came from the backend. */
export interface RelaySink {
  /**
   * Takes the first `length` of `bytes`: whole or begun chunks, framing included, the first of them starting where the
   * last call ended. `bytes` is a view that is overwritten after the call. False stops reading until Tap.resume().
   */
  relay(bytes: Buffer, length: number): boolean;
}

/** The way past the parser, for one response. */
export interface Tap {
  /**
   * To be called inside onResponseStart by a handler that answers `transfer-encoding: chunked` itself. Later reads go to the
   * sink and not to onResponseData, from a chunk boundary on and up to the last chunk or to the first that is out of the
   * ordinary; what remains, the end and the trailers come through the handler as ever. False, and nothing changes, when the
   * response is not exactly `transfer-encoding: chunked` over HTTP/1.1 or has begun with an unusual chunk.
   * While the sink is fed, controller.pause() has no effect: relay() answers false instead.
   */
  relayTo(sink: RelaySink): boolean;
  /** Reads on after relay() answered false. */
  resume(): void;
}

/** A handler with this property gets the tap of its response set before onRequestStart; null where there is none (TLS, upgrades). */
export interface TapHandler {
  tap: Tap | null;
}

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

const maxHeadBytes = 64 * 1024;
/** Where all tapped sockets read to. One is enough: a read is handled to its end before libuv starts the next. */
export const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

function copyOfRead(from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe(to - from);
  readBuffer.copy(bytes, 0, from, to);
  return bytes;
}

/** A socket whose reads land in readBuffer; without an exchange they are copied into the stream as Node itself would. */
export class TapConnection {
  readonly socket: Socket;
  exchange: TapExchange | null = null;
  /** Set before undici learns of it, which takes a reset for the end of a body that only the close ends. */
  error: Error | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.once('error', (error) => {
      this.error = error;
    });
  }

  /** Takes `length` bytes of readBuffer; false stops reading. */
  onRead(length: number): boolean {
    return this.exchange === null ? this.feed(0, length) : this.exchange.onRead(length);
  }

  /** Gives bytes of readBuffer to undici. */
  feed(from: number, to: number): boolean {
    return this.socket.push(copyOfRead(from, to));
  }
}

// phase  | a read goes to                                                      | leaves when
// head   | undici, and is kept to find the head's end                          | final head: follow after relayTo, else plain
// follow | undici and the scanner                                              | at a boundary with nothing unread: relay; odd: plain
// relay  | the sink                                                            | odd: plain, the rest of the read goes to undici
// plain  | undici                                                              |
type Phase = 'head' | 'follow' | 'relay' | 'plain';

/** One request and its response: forwards undici's calls to the handler and knows the bytes of the response. */
export class TapExchange implements Tap, Handler {
  readonly #handler: Handler & TapHandler;
  readonly #method: string;
  readonly #currentConnection: () => TapConnection | null;
  readonly #scanner = new ChunkScanner();
  #connection: TapConnection | null = null;
  #controller: Controller | null = null;
  #phase: Phase = 'plain';
  #head: Buffer[] = [];
  #headBytes = 0;
  #starting: { statusCode: number; headers: ResponseHeaders } | null = null;
  #sink: RelaySink | null = null;
  #heldSizeLine: Buffer | null = null;
  #isPaused = false;

  constructor(handler: Handler & TapHandler, method: string, currentConnection: () => TapConnection | null) {
    this.#handler = handler;
    this.#method = method;
    this.#currentConnection = currentConnection;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    const connection = this.#currentConnection();
    this.#controller = controller;
    // Unread bytes before the request are no part of its response, and undici is about to refuse them.
    const canTap = connection !== null && connection.socket.readableLength === 0;
    if (canTap) {
      this.#connection = connection;
      connection.exchange = this;
      this.#phase = 'head';
    }
    this.#handler.tap = canTap ? this : null;
    this.#handler.onRequestStart?.(controller, context);
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onResponseStart(
    controller: Controller,
    statusCode: number,
    headers: ResponseHeaders,
    message?: string,
  ): void {
    if (statusCode >= 200) this.#starting = { statusCode, headers };
    try {
      this.#handler.onResponseStart?.(controller, statusCode, headers, message);
    } finally {
      if (statusCode >= 200) this.#leaveHead();
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    const error = this.#connection?.error ?? null;
    this.#detach();
    if (error === null) this.#handler.onResponseEnd?.(controller, trailers);
    else this.#handler.onResponseError?.(controller, error);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#detach();
    this.#handler.onResponseError?.(controller, error);
  }

  relayTo(sink: RelaySink): boolean {
    const starting = this.#starting;
    if (this.#phase !== 'head' || starting === null) return false;
    if (!hasChunkedBody(this.#method, starting.statusCode, starting.headers)) return false;
    const rest = bytesAfterHead(Buffer.concat(this.#head), starting.statusCode);
    if (rest === null || this.#scanner.scan(rest) !== 'open') return false;
    this.#sink = sink;
    this.#phase = 'follow';
    return true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    // read(0) restarts a handle that onread's false has stopped, and takes nothing out of the stream.
    if (this.#connection !== null && !this.#connection.socket.destroyed) this.#connection.socket.read(0);
  }

  /** Takes `length` bytes of readBuffer; false stops reading. */
  onRead(length: number): boolean {
    const connection = this.#connection!;
    if (this.#phase === 'follow') this.#follow(connection, length);
    if (this.#phase === 'relay') return this.#relay(connection, length);
    if (this.#phase !== 'head') return connection.feed(0, length);
    const bytes = copyOfRead(0, length);
    this.#headBytes += length;
    if (this.#headBytes > maxHeadBytes) this.#leaveHead();
    else this.#head.push(bytes);
    return connection.socket.push(bytes);
  }

  #leaveHead(): void {
    this.#starting = null;
    if (this.#head.length > 0) this.#head = [];
    if (this.#phase === 'head') this.#phase = 'plain';
  }

  #follow(connection: TapConnection, length: number): void {
    const isParsed = connection.socket.readableLength === 0 && !this.#controller!.paused;
    if (this.#scanner.isAtBoundary && isParsed) this.#phase = 'relay';
    else if (this.#scanner.scan(readBuffer, 0, length) !== 'open') this.#phase = 'plain';
  }

  #relay(connection: TapConnection, length: number): boolean {
    const found = this.#scanner.scan(readBuffer, 0, length);
    const safeEnd = this.#scanner.safeEnd;
    if (safeEnd > 0) this.#isPaused = !this.#send(connection.socket, safeEnd);
    if (connection.socket.destroyed) return false;
    if (found === 'odd') return this.#handBack(connection, safeEnd, length);
    if (found === 'broken') {
      connection.socket.destroy(new errors.HTTPParserError('a chunk of the response does not end with CRLF'));
      return false;
    }
    if (safeEnd < length) this.#hold(readBuffer.subarray(safeEnd, length));
    return !this.#isPaused;
  }

  #send(socket: Socket, length: number): boolean {
    const held = this.#heldSizeLine;
    this.#heldSizeLine = null;
    try {
      const wantsMore = held === null || this.#sink!.relay(held, held.length);
      return !socket.destroyed && this.#sink!.relay(readBuffer, length) && wantsMore;
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error('relay sink failed', { cause: error }));
      return false;
    }
  }

  // A begun size line may prove to be the last chunk's, which is undici's to read.
  #hold(line: Buffer): void {
    this.#heldSizeLine =
      this.#heldSizeLine === null ? Buffer.from(line) : Buffer.concat([this.#heldSizeLine, line]);
  }

  #handBack(connection: TapConnection, from: number, to: number): boolean {
    this.#phase = 'plain';
    this.#isPaused = false;
    const held = this.#heldSizeLine;
    this.#heldSizeLine = null;
    if (held !== null) connection.socket.push(held);
    return connection.feed(from, to);
  }

  #detach(): void {
    this.#leaveHead();
    this.#phase = 'plain';
    if (this.#connection?.exchange === this) this.#connection.exchange = null;
    this.#connection = null;
  }
}
