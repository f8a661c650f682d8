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

/** How long a client may take to close its side when all is over. */
const farewellMs = 1_000;

/** A client's connection and the streams on it. */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #exchanges = new Set<Exchange>();
  #streams = 0;
  #idleSinceMs: number;
  #cancelTimer: Cancel;

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

  /**
   * No more streams: the client is told which one was the last that was taken, and may send the others elsewhere. A notice
   * before that (RFC 9113, 6.8) cannot be given through Node: once it sent a GOAWAY it drops new streams without a word.
   */
  drain(): void {
    const { handshake } = this.#options;
    this.#cancelTimer();
    if (handshake.destroyed || handshake.closed) return;
    handshake.close();
    if (this.#streams === 0) this.#hangUp();
  }

  /** Cuts its streams and itself. */
  close(): void {
    for (const exchange of [...this.#exchanges]) exchange.abandon();
    this.#options.handshake.destroy();
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', ignore);
    // Reset before it was told of: nothing of it ever was.
    if (stream.destroyed || stream.closed) return;
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
      this.drain();
      return;
    }
    const fromMs = this.#streams === 0 ? this.#idleSinceMs : now;
    this.#cancelTimer = clock.setTimer(fromMs + idleMs, () => this.#look());
  }

  /** Node waits for the client to close its side, which it need not do. */
  #hangUp(): void {
    const { clock, socket } = this.#options;
    this.#cancelTimer();
    this.#cancelTimer = clock.setTimer(clock.nowMs() + farewellMs, () => socket.destroy());
  }
}

/** Each stream of the connection, or the connection, tells its own end by `close`. */
function ignore(): void {
  return;
}
