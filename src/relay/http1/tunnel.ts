import type { BackendConnection } from './backend-connection.ts';
import type { ClientSocket } from './client-socket.ts';

/** How a tunnel ended: both sides closed in order, or one of them broke off. */
export type TunnelEnd = 'whole' | 'client' | 'backend';

/** A client and a backend that have switched to another protocol. */
export interface TunnelOptions {
  readonly client: ClientSocket;
  readonly backend: BackendConnection;
  /** Milliseconds for which one side may be silent after the other has closed its own. */
  readonly halfOpenMs: number;
  /** The bytes are gone after the call. */
  onBytes(bytes: Buffer): void;
  onEnd(end: TunnelEnd, cause: Error | null): void;
}

/** Passes bytes both ways, as fast as the slower side reads; one side can close its direction and still be sent to. */
export class Tunnel {
  readonly #options: TunnelOptions;
  #clientEnded = false;
  #backendEnded = false;
  #isOver = false;
  /** Since when nothing came while half of it was closed; -1: to be taken at the next check. */
  #quietSinceMs = -1;

  constructor(options: TunnelOptions) {
    this.#options = options;
  }

  fromClient(bytes: Buffer): void {
    const { client, backend, onBytes } = this.#options;
    this.#quietSinceMs = -1;
    if (!backend.write(bytes)) client.hold('body');
    onBytes(bytes);
  }

  /** False: no more for now. */
  fromBackend(bytes: Buffer, start: number, end: number): boolean {
    const { client, onBytes } = this.#options;
    this.#quietSinceMs = -1;
    client.write('', bytes, start, end, '');
    onBytes(bytes.subarray(start, end));
    return this.#isOver || !client.isFull;
  }

  onBackendDrain(): void {
    this.#options.client.unhold('body');
  }

  onClientDrain(): void {
    this.#options.backend.resume();
  }

  clientEnded(): void {
    this.#clientEnded = true;
    if (this.#backendEnded) this.#finish('whole', null);
    else this.#options.backend.end();
  }

  backendEnded(): void {
    this.#backendEnded = true;
    if (this.#clientEnded) this.#finish('whole', null);
    else this.#options.client.end();
  }

  clientClosed(): void {
    this.#finish('client', null);
  }

  backendClosed(cause: Error | null): void {
    const isWhole = cause === null && this.#backendEnded;
    this.#finish(isWhole ? 'whole' : 'backend', cause);
  }

  /** Looks at how long a half-closed one has been silent. */
  check(nowMs: number): void {
    if (!this.#clientEnded && !this.#backendEnded) return;
    if (this.#quietSinceMs === -1) this.#quietSinceMs = nowMs;
    else if (nowMs - this.#quietSinceMs >= this.#options.halfOpenMs)
      this.#finish(this.#clientEnded ? 'client' : 'backend', null);
  }

  /** Tells nothing more. */
  stop(): void {
    this.#isOver = true;
  }

  #finish(end: TunnelEnd, cause: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onEnd(end, cause);
  }
}
