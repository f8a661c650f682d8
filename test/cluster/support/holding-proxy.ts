import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network between a gateway and the API server that can keep what the gateway sends, and deliver it late. */
export class HoldingProxy {
  readonly #held = new Map<Socket, Buffer[]>();
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => this.#take(client));
  readonly #upstream: URL;
  #isHolding = false;

  private constructor(upstream: string) {
    this.#upstream = new URL(upstream);
  }

  /** To the server of that URL. */
  static async start(upstream: string): Promise<HoldingProxy> {
    const proxy = new HoldingProxy(upstream);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Bytes that are kept. */
  get heldBytes(): number {
    return [...this.#held.values()].flat().reduce((sum, { length }) => sum + length, 0);
  }

  /** From now on what is sent is kept, though its sender may go away. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Delivers it; that its sender has gone is not delivered, for then the server would give the request up. */
  release(): void {
    this.#isHolding = false;
    for (const [upstream, chunks] of this.#held) for (const chunk of chunks) upstream.write(chunk);
    this.#held.clear();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(client: Socket): void {
    const upstream = connect(Number(this.#upstream.port), this.#upstream.hostname);
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      // A connection that breaks is what its two ends make of it.
      socket.on('error', () => socket.destroy());
      socket.once('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (chunk: Buffer) => {
      if (this.#isHolding) this.#held.set(upstream, [...(this.#held.get(upstream) ?? []), chunk]);
      else upstream.write(chunk);
    });
    client.once('close', () => {
      if (!this.#isHolding) upstream.end();
    });
    upstream.on('data', (chunk) => {
      if (!client.destroyed) client.write(chunk);
    });
    upstream.once('close', () => client.destroy());
  }
}
