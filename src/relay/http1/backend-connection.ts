import type { Watched } from '../../forward/watchdog.ts';
import { BackendSocket } from './backend-socket.ts';

/** Whoever has a backend connection for one exchange. Nothing is told any more once it was released or destroyed. */
export interface BackendUser {
  /** The first `length` bytes of `bytes` came; they are gone after the call. False: no more for now, until `resume`. */
  onBackendBytes(bytes: Buffer, length: number): boolean;
  /** What was written has gone out. */
  onBackendDrain(): void;
  /** The backend will send no more. */
  onBackendEnd(): void;
  /** The connection is closed; null: in order. */
  onBackendClose(cause: Error | null): void;
}

/** What a connection tells its pool. */
export interface BackendOwner {
  onIdleLost(connection: BackendConnection): void;
  onClosed(connection: BackendConnection): void;
}

/** Where a connection leads, and its limits. */
export interface BackendConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds; 0 = none. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that it is kept without use. */
  readonly idleMs: number;
}

/** For what a backend sent before it broke off to be read. */
const lastReadMs = 5_000;

/** Reads of all backend connections: what is read is passed on, or copied, before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** One connection to a backend, which serves one exchange after the other. */
export class BackendConnection implements Watched {
  slot = -1;
  /** Whether anything can have been sent on it. */
  isConnected = false;
  /** Milliseconds for which it is kept once idle; what the backend says of it can make it less. */
  idleMs: number;
  readonly #options: BackendConnectionOptions;
  readonly #owner: BackendOwner;
  readonly #socket: BackendSocket;
  #user: BackendUser | null;
  #cause: Error | null = null;
  #isWriteBroken = false;
  /** When connecting, or being idle, was first noticed; -1: not yet, or busy. */
  #sinceMs = -1;

  constructor(options: BackendConnectionOptions, owner: BackendOwner, user: BackendUser) {
    this.#options = options;
    this.#owner = owner;
    this.#user = user;
    this.idleMs = options.idleMs;
    const onread = { buffer: readBuffer, callback: (length: number) => this.#onBytes(length) };
    const socket = new BackendSocket(
      { noDelay: true, allowHalfOpen: true, onread },
      {
        onWriteFailed: (cause) => this.#onWriteFailed(cause),
        onLastRead: () => socket.destroy(this.#cause ?? undefined),
      },
    );
    const { host, port } = options;
    this.#socket = socket.connect({ host, port });
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('drain', () => this.#user?.onBackendDrain());
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error) => {
      this.#cause ??= error;
    });
    this.#socket.on('close', () => this.#onClose());
  }

  get host(): string {
    return this.#options.host;
  }

  /** It takes no more: what is written to it is dropped. */
  get isWriteBroken(): boolean {
    return this.#isWriteBroken;
  }

  get port(): number {
    return this.#options.port;
  }

  /** Gives it to another exchange. */
  use(user: BackendUser): void {
    this.#user = user;
    this.#sinceMs = -1;
    this.idleMs = this.#options.idleMs;
  }

  /** The exchange is over, and the connection in order: it waits for another. */
  rest(): void {
    this.#user = null;
    this.#sinceMs = -1;
    this.#socket.resume();
  }

  /** False: more than the system takes has been written; `onBackendDrain` tells when it is gone. */
  write(bytes: Buffer | string): boolean {
    if (this.#isWriteBroken) return true;
    return typeof bytes === 'string' ? this.#socket.write(bytes, 'latin1') : this.#socket.write(bytes);
  }

  /** Writes pieces in one go. */
  writeAll(pieces: readonly (Buffer | string)[]): boolean {
    this.#socket.cork();
    let isFree = true;
    for (const piece of pieces) isFree = this.write(piece);
    this.#socket.uncork();
    return isFree;
  }

  /** Half-closes it: no more is sent. */
  end(): void {
    this.#socket.end();
  }

  /** Reads on after `onBackendBytes` said false. */
  resume(): void {
    this.#socket.resume();
  }

  /** Closes it once what was written has gone out, and tells its user nothing more. */
  finish(): void {
    this.#user = null;
    this.#sinceMs = -1;
    this.#socket.end();
    this.#socket.resume();
  }

  /** Closes it, and tells its user nothing more. */
  destroy(): void {
    this.#user = null;
    this.#socket.destroy();
  }

  /** Looks at its time limits. */
  check(nowMs: number): void {
    const { connectTimeoutMs } = this.#options;
    const busyMs = this.#isWriteBroken ? lastReadMs : this.isConnected ? 0 : connectTimeoutMs;
    const limitMs = this.#user === null ? this.idleMs : busyMs;
    if (limitMs === 0 && this.#user !== null) return;
    if (this.#sinceMs === -1) this.#sinceMs = nowMs;
    else if (nowMs - this.#sinceMs >= limitMs) this.#expire();
  }

  #expire(): void {
    const { host, port, connectTimeoutMs } = this.#options;
    if (this.#user === null) this.#drop();
    else if (this.#cause !== null) this.#socket.destroy(this.#cause);
    else this.#socket.destroy(new Error(`no connection to ${host}:${port} within ${connectTimeoutMs} ms`));
  }

  #drop(): void {
    this.#owner.onIdleLost(this);
    this.#socket.destroy();
  }

  #onConnect(): void {
    this.isConnected = true;
    this.#sinceMs = -1;
  }

  #onWriteFailed(cause: Error): void {
    this.#cause ??= cause;
    this.#isWriteBroken = true;
    this.#sinceMs = -1;
    if (this.#user === null) this.#drop();
    else {
      this.#socket.resume();
      this.#user.onBackendDrain();
    }
  }

  #onBytes(length: number): boolean {
    if (this.#user !== null) return this.#user.onBackendBytes(readBuffer, length);
    // Nobody asked: the next answer on it could be anything.
    if (!this.#socket.destroyed) this.#drop();
    return true;
  }

  #onEnd(): void {
    if (this.#user !== null) this.#user.onBackendEnd();
    else if (!this.#socket.destroyed) this.#drop();
  }

  #onClose(): void {
    const user = this.#user;
    this.#user = null;
    if (user === null) this.#owner.onIdleLost(this);
    this.#owner.onClosed(this);
    user?.onBackendClose(this.#cause);
  }
}
