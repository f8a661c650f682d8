import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClientWriter } from './client-writer.ts';

/** Why a client is not read from: its body is not taken as fast, or it sends requests ahead. */
export type ReadHold = 'body' | 'ahead';

/** Up to here bytes are written as text with what goes before and after them; more are copied and written beside them. */
const maxTextBytes = 16 * 1024;
const holdBits = { body: 1, ahead: 2 } as const;

/** A client's socket, TCP or TLS: written to by an exchange, and held back where it sends more than is taken. */
export class ClientSocket implements ClientWriter {
  readonly #socket: Socket;
  readonly isTls: boolean;
  #holds = 0;
  #isCut = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.isTls = (socket as Partial<TLSSocket>).encrypted === true;
  }

  /** More was written than the system takes. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** `cut` was used. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** All that was written has gone to the system. */
  get isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  writeText(text: string): void {
    if (text !== '') this.#socket.write(text, 'latin1');
  }

  writeBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  write(before: string, bytes: Buffer, start: number, end: number, after: string): void {
    if (end - start <= maxTextBytes) {
      this.writeText(before + bytes.toString('latin1', start, end) + after);
      return;
    }
    const socket = this.#socket;
    socket.cork();
    this.writeText(before);
    socket.write(Buffer.from(bytes.subarray(start, end)));
    this.writeText(after);
    socket.uncork();
  }

  /** Reads no more, for one reason of those there may be. */
  hold(reason: ReadHold): void {
    if (this.#holds === 0) this.#socket.pause();
    this.#holds |= holdBits[reason];
  }

  unhold(reason: ReadHold): void {
    if (this.#holds === 0) return;
    this.#holds &= ~holdBits[reason];
    if (this.#holds === 0) this.#socket.resume();
  }

  /** No more is sent; it is still read from. */
  end(): void {
    this.#socket.end();
  }

  /** Cuts it so that the client sees it: behind `last` (latin1) where there is one, by a reset where nothing else would show it. */
  cut(last: string | null, isUnframed: boolean): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const close = () => {
      if (isUnframed && !this.isTls) this.#socket.resetAndDestroy();
      else this.#socket.destroy();
    };
    if (last === null || this.#socket.destroyed) close();
    else this.#socket.write(last, 'latin1', close);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
