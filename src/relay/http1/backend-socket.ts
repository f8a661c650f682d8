import { Socket, type SocketConstructorOpts } from 'node:net';

/** What a backend's socket tells beyond a socket's events. */
export interface BackendSocketWatch {
  /** A write failed: the peer takes no more. What it sent before can still be read. */
  onWriteFailed(cause: Error): void;
  /** The peer sends no more, after a write had failed: no `end` follows then. */
  onLastRead(): void;
}

/**
 * A socket that is still read from after a write has failed. A backend that answers early and closes resets the connection
 * while the request is being sent; its answer lies in the system's buffer, which Node would close with the failed write.
 */
export class BackendSocket extends Socket {
  readonly #watch: BackendSocketWatch;
  #isWriteBroken = false;

  constructor(options: SocketConstructorOpts, watch: BackendSocketWatch) {
    super(options);
    this.#watch = watch;
  }

  override destroy(error?: Error): this {
    const isWrite = (error as NodeJS.ErrnoException | undefined)?.syscall === 'write';
    if (!isWrite || this.#isWriteBroken || this.destroyed) return super.destroy(error);
    this.#isWriteBroken = true;
    this.#watch.onWriteFailed(error!);
    return this;
  }

  override push(chunk: Buffer | null): boolean {
    if (chunk === null && this.#isWriteBroken) this.#watch.onLastRead();
    return super.push(chunk);
  }
}
