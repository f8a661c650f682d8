import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Bag, type BagItem } from '../core/bag.ts';

type TrackedSocket = Socket & BagItem;

/** While closing, how often connections are looked at whose answers were under way the last time. */
const sweepMs = 50;

/** The answer that a connection is busy with; null: none. Node keeps it there and has no public name for it. */
export function answerUnderWay(socket: Socket): ServerResponse | null {
  return (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? null;
}

/**
 * The open client connections of the listeners. Node closes idle ones by itself, but one that has sent half a request, or
 * is in its TLS handshake, would keep a server from closing until its time is up.
 */
export class Connections {
  readonly #sockets = new Bag<TrackedSocket>();
  /** TCP connections whose TLS handshake has not ended, by the client's address and port. */
  readonly #handshaking = new Map<string, Socket>();
  /** Shared by all sockets, of which there may be many: the listener's `this` is its socket. */
  readonly #onSocketClose: (this: TrackedSocket) => void;
  #onEmpty: (() => void) | null = null;

  constructor() {
    const drop = (socket: TrackedSocket) => this.#drop(socket);
    this.#onSocketClose = function () {
      drop(this);
    };
  }

  /** Takes note of every connection that the server accepts from now on. */
  follow(server: Server, isTls: boolean): void {
    if (!isTls) {
      server.on('connection', (socket: Socket) => this.#add(socket));
      return;
    }
    server.on('connection', (socket: Socket) => {
      const key = peerOf(socket);
      this.#handshaking.set(key, socket);
      socket.once('close', () => {
        if (this.#handshaking.get(key) === socket) this.#handshaking.delete(key);
        this.#noteEmpty();
      });
    });
    server.on('secureConnection', (socket: Socket) => {
      this.#handshaking.delete(peerOf(socket));
      this.#add(socket);
    });
  }

  #add(socket: Socket): void {
    this.#sockets.add(Object.assign(socket, { slot: -1 }));
    socket.on('end', destroyUnread);
    socket.on('close', this.#onSocketClose as (this: Socket) => void);
  }

  /** It speaks another protocol: somebody else ends it. */
  letGo(socket: Socket): void {
    socket.off('end', destroyUnread);
    socket.off('close', this.#onSocketClose as (this: Socket) => void);
    this.#drop(socket as TrackedSocket);
  }

  #drop(socket: TrackedSocket): void {
    this.#sockets.delete(socket);
    this.#noteEmpty();
  }

  /**
   * Closes every connection: at once where no answer is under way, else when it has been written, at the latest after
   * `graceMs` (0 = as long as it takes). Resolves when none is left.
   */
  async end(graceMs: number): Promise<void> {
    const sweep = setInterval(() => this.#closeUnused(), sweepMs);
    const cut = graceMs > 0 ? setTimeout(() => this.#closeAll(), graceMs) : undefined;
    this.#closeUnused();
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      this.#noteEmpty();
    });
    clearInterval(sweep);
    clearTimeout(cut);
  }

  #closeUnused(): void {
    for (const socket of this.#handshaking.values()) socket.destroy();
    this.#sockets.forEach((socket) => {
      if (answerUnderWay(socket) === null) socket.destroySoon();
    });
  }

  #closeAll(): void {
    for (const socket of [...this.#handshaking.values(), ...this.#sockets.list()]) socket.destroy();
  }

  #noteEmpty(): void {
    if (this.#sockets.size === 0 && this.#handshaking.size === 0) this.#onEmpty?.();
  }
}

/** Node waits with a half-closed connection until it has written all, which a client that has left never lets it. */
function destroyUnread(this: Socket): void {
  if (answerUnderWay(this)?.writableEnded === false) this.destroy();
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
