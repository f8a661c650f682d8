import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Cancel, Clock } from '../../core/clock.ts';
import type { HeldTraffic } from '../traffic.ts';
import type { Backends } from './backends.ts';
import { closeSoon } from './close-soon.ts';
import { Exchange } from './exchange.ts';
import { type Peer, readHead } from './head.ts';

/** What one is made of. */
export interface ClientSessionOptions {
  readonly handshake: ServerHttp2Session;
  readonly socket: Socket;
  readonly peer: Peer;
  readonly traffic: HeldTraffic;
  readonly backends: Backends;
  readonly clock: Clock;
  readonly idleMs: number;
  readonly onClose: (session: ClientSession) => void;
}

/** The first notice of a drain names no stream as the last (RFC 9113, 6.8): what is on its way is still taken. */
const noLastStream = 2 ** 31 - 1;
/** How long a client may take to answer that notice, and to close its side when all is over. */
const farewellMs = 1_000;

/** A client's connection and the streams on it. */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #exchanges = new Set<Exchange>();
  #streams = 0;
  #idleSinceMs: number;
  #cancelTimer: Cancel;
  #isLeaving = false;

  constructor(options: ClientSessionOptions) {
    const { handshake, clock, onClose } = options;
    this.#options = options;
    this.#idleSinceMs = clock.nowMs();
    this.#cancelTimer = clock.setTimer(this.#idleSinceMs + options.idleMs, () => this.#look());
    handshake.on('stream', (stream, _fields, flags, raw) => this.#onStream(stream, flags, raw));
    handshake.on('error', ignore);
    handshake.on('close', () => {
      this.#cancelTimer();
      onClose(this);
    });
  }

  /** No more streams. Those under way, and those that the client began before it knew, end. */
  drain(): void {
    const { handshake } = this.#options;
    if (this.#isLeaving || handshake.destroyed) return;
    this.#isLeaving = true;
    handshake.goaway(constants.NGHTTP2_NO_ERROR, noLastStream);
    this.#later(() => this.#leave());
    handshake.ping(() => this.#leave());
  }

  /** Cuts its streams and itself. */
  close(): void {
    for (const exchange of [...this.#exchanges]) exchange.abandon();
    this.#options.handshake.destroy();
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', ignore);
    const isBodyless = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const head = readHead(raw, isBodyless, this.#options.peer);
    this.#streams++;
    if (typeof head === 'number') {
      stream.on('close', () => this.#onStreamClose());
      stream.respond([':status', String(head), 'content-length', '0'], { endStream: true });
      if (!isBodyless) closeSoon(stream, constants.NGHTTP2_NO_ERROR);
      return;
    }
    const exchange = new Exchange(stream, head, this.#options);
    this.#exchanges.add(exchange);
    stream.on('close', () => {
      this.#exchanges.delete(exchange);
      this.#onStreamClose();
    });
    exchange.begin(this.#options.traffic.take(exchange));
  }

  #onStreamClose(): void {
    if (--this.#streams > 0) return;
    this.#idleSinceMs = this.#options.clock.nowMs();
    if (this.#options.handshake.closed) this.#hangUp();
  }

  /** One timer for the whole connection, not one for each time that it is idle. */
  #look(): void {
    const { clock, idleMs } = this.#options;
    const now = clock.nowMs();
    if (this.#streams === 0 && now - this.#idleSinceMs >= idleMs) {
      this.#leave();
      return;
    }
    const fromMs = this.#streams === 0 ? this.#idleSinceMs : now;
    this.#cancelTimer = clock.setTimer(fromMs + idleMs, () => this.#look());
  }

  #leave(): void {
    const { handshake } = this.#options;
    this.#isLeaving = true;
    this.#cancelTimer();
    if (handshake.destroyed || handshake.closed) return;
    handshake.close();
    if (this.#streams === 0) this.#hangUp();
  }

  /** Node waits for the client to close its side, which it need not do. */
  #hangUp(): void {
    this.#later(() => this.#options.socket.destroy());
  }

  #later(fn: () => void): void {
    const { clock } = this.#options;
    this.#cancelTimer();
    this.#cancelTimer = clock.setTimer(clock.nowMs() + farewellMs, fn);
  }
}

/** Each stream of the connection, or the connection, tells its own end by `close`. */
function ignore(): void {
  return;
}
