import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect,
  constants,
} from 'node:http2';
import type { Cancel, Clock } from '../../core/clock.ts';

/** One backend as a lane names it. */
export interface BackendAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** What a session tells the pool. */
export interface SessionWatcher {
  /** The backend's settings came or changed, or a stream ended: there may be room. */
  onRoom(session: BackendSession): void;
  /** It never came to be: nothing was sent. */
  onFailed(session: BackendSession, cause: Error): void;
  /** No more streams on it. */
  onGone(session: BackendSession): void;
}

/** What one is made of. */
export interface SessionOptions {
  readonly address: BackendAddress;
  readonly clock: Clock;
  readonly watcher: SessionWatcher;
  /** Until the backend's settings are here. */
  readonly connectMs: number;
  /** A session without streams for this long is closed. */
  readonly idleMs: number;
  /** Bytes of an answer that the backend may send before they were taken. */
  readonly windowBytes: number;
}

/** The peer is told no push, and of heads as many as the lane of HTTP/2 itself takes with room to spare. */
const headBytes = 256 * 1024;
/** The window of the connection as a whole; what came is taken from it at once, so it bounds only what is on its way. */
const windowsPerSession = 8;
/** A peer that is gone without a word is noticed by the system. */
const keepAlive = { keepAlive: true, keepAliveInitialDelay: 15_000, noDelay: true };
const limits = {
  maxSendHeaderBlockLength: headBytes,
  maxHeaderListPairs: 2048,
  // Megabytes of what waits to be sent on all its streams, each of which is bounded: past it Node resets new answers.
  maxSessionMemory: 4096,
  strictSingleValueFields: false,
};

/**
 * A connection to a backend. It is used once the backend's settings came: no stream is opened past its limit, and nothing is
 * sent to what does not speak HTTP/2.
 */
export class BackendSession {
  readonly #session: ClientHttp2Session;
  readonly #options: SessionOptions;
  #cancelTimer: Cancel;
  #isReady = false;
  #isOver = false;
  #limit = 0;
  #open = 0;
  #idleSinceMs = 0;
  #lastStreamId = Number.POSITIVE_INFINITY;
  #error: Error | null = null;

  constructor(options: SessionOptions) {
    const { address, clock, connectMs, windowBytes } = options;
    this.#options = options;
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    this.#session = connect(`${address.isTls ? 'https' : 'http'}://${host}:${address.port}`, {
      settings: { enablePush: false, initialWindowSize: windowBytes, maxHeaderListSize: headBytes },
      ...limits,
      ...keepAlive,
    });
    this.#listen(windowBytes);
    const { host: name, port } = address;
    this.#cancelTimer = clock.setTimer(clock.nowMs() + connectMs, () =>
      this.#session.destroy(new Error(`${name}:${port} did not answer as HTTP/2 within ${connectMs} ms`)),
    );
  }

  /** Streams that can be opened now. */
  get room(): number {
    return this.#isReady && !this.#isOver ? this.#limit - this.#open : 0;
  }

  /** Why it ended; null: no failure. */
  get error(): Error | null {
    return this.#error;
  }

  /** Opens a stream; `leave` gives it back. Throws where the fields cannot be sent. */
  request(fields: string[], options: ClientSessionRequestOptions): ClientHttp2Stream {
    const stream = this.#session.request(fields, options);
    this.#open++;
    return stream;
  }

  /** A stream of `request` was closed. */
  leave(): void {
    this.#open--;
    if (this.#open === 0) this.#idleSinceMs = this.#options.clock.nowMs();
    if (!this.#isOver) this.#options.watcher.onRoom(this);
  }

  /** Whether the backend said of a stream that ended that it did nothing for it (RFC 9113, 6.8 and 8.7). */
  isUnprocessed(stream: ClientHttp2Stream): boolean {
    const { id } = stream;
    return id === undefined || id > this.#lastStreamId || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
  }

  close(): void {
    this.#session.destroy();
  }

  #listen(windowBytes: number): void {
    const session = this.#session;
    session.on('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(windowBytes * windowsPerSession);
    });
    session.on('remoteSettings', (settings) => this.#onSettings(settings.maxConcurrentStreams));
    session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = Math.min(this.#lastStreamId, lastStreamId);
      this.#end();
    });
    session.on('error', (error) => {
      this.#error = error;
    });
    session.on('close', () => {
      this.#cancelTimer();
      this.#end();
    });
  }

  #onSettings(maxStreams: number | undefined): void {
    this.#limit = maxStreams ?? Number.POSITIVE_INFINITY;
    if (!this.#isReady) {
      this.#isReady = true;
      this.#cancelTimer();
      this.#watchIdle();
    }
    if (!this.#isOver) this.#options.watcher.onRoom(this);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { watcher, address } = this.#options;
    if (this.#isReady) watcher.onGone(this);
    else watcher.onFailed(this, failureOf(this.#error, address));
  }

  #watchIdle(): void {
    const { clock, idleMs } = this.#options;
    this.#idleSinceMs = clock.nowMs();
    const look = () => {
      const isIdle = this.#open === 0;
      if (isIdle && clock.nowMs() - this.#idleSinceMs >= idleMs) {
        this.#end();
        this.#session.close();
        return;
      }
      this.#cancelTimer = clock.setTimer((isIdle ? this.#idleSinceMs : clock.nowMs()) + idleMs, look);
    };
    this.#cancelTimer = clock.setTimer(this.#idleSinceMs + idleMs, look);
  }
}

/** nghttp2 names what it met instead of HTTP/2 by a code of its own, which says nothing to an operator. */
function failureOf(error: Error | null, { host, port }: BackendAddress): Error {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error === null) return new Error(`${host}:${port} closed the connection before any HTTP/2 came`);
  if (code !== 'ERR_HTTP2_ERROR' && code !== 'ERR_HTTP2_SESSION_ERROR') return error;
  return new Error(`${host}:${port} does not speak HTTP/2`, { cause: error });
}
