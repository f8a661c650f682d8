import type { Socket } from 'node:net';

/** The client's side of a request to switch protocols (RFC 9110, 7.8; RFC 6455). */
export interface UpgradeRequest {
  readonly socket: Socket;
  /** What the client had sent right behind its head. */
  readonly early: EarlyBytes;
}

/** Two connections joined, and who is told of it. */
export interface TunnelOptions {
  readonly client: UpgradeRequest;
  readonly backend: Socket;
  /** The answer's head, complete. */
  readonly head: string;
  readonly onBytes: (bytes: number) => void;
  /** Both are closed; `by` ended first. */
  readonly onEnd: (by: 'client' | 'backend') => void;
}

/** More than this before the protocol was switched is no handshake. */
const maxEarlyBytes = 64 * 1024;

/**
 * Reads a client that waits for its protocol to be switched: nobody else does, and an unread socket does not tell that
 * its peer has left. It should send nothing, and what it sends is kept up to a bound.
 */
export class EarlyBytes {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #bytes = 0;
  readonly #onData = (chunk: Buffer) => this.#take(chunk);
  readonly #onEnd = () => this.#socket.destroy();

  constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    // Node has taken its own listener away; without any, a reset would end the process.
    socket.on('error', () => socket.destroy());
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    if (head.length > 0) this.#take(head);
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > maxEarlyBytes) this.#socket.destroy();
  }

  /** Stops reading and gives what came. */
  take(): Buffer {
    this.#socket.removeListener('data', this.#onData);
    this.#socket.removeListener('end', this.#onEnd);
    this.#socket.pause();
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return bytes;
  }
}

/** Joins a client and a backend that have switched protocols: bytes pass both ways, as fast as the slower one reads. */
export class Tunnel {
  readonly #options: TunnelOptions;
  #endedBy: 'client' | 'backend' | null = null;
  #open = 2;

  constructor(options: TunnelOptions) {
    this.#options = options;
    const { backend, head } = options;
    const { socket, early } = options.client;
    socket.write(head, 'latin1');
    backend.write(early.take());
    this.#join('client', socket, backend);
    this.#join('backend', backend, socket);
  }

  #join(name: 'client' | 'backend', from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      this.#options.onBytes(chunk.length);
      if (to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
    // WebSocket knows no half-closed connection: what was sent is written, and both are closed.
    from.on('end', () => {
      this.#endedBy ??= name;
      to.destroySoon();
    });
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#endedBy ??= name;
      if (!from.readableEnded) to.destroy();
      this.#open--;
      if (this.#open === 0) this.#options.onEnd(this.#endedBy);
    });
    from.resume();
  }

  /** Cuts both. */
  destroy(): void {
    this.#options.client.socket.destroy();
    this.#options.backend.destroy();
  }
}

/** The head of a 101 answer out of fields without those of one hop. */
export function switchingHead(protocol: string, fields: readonly string[]): string {
  let head = `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${head}\r\n`;
}
