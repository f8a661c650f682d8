import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket, Server as TcpServer } from 'node:net';

/** Servers on free ports of 127.0.0.1 that end with the test, and what is connected to them with them. */
export class Listeners {
  readonly #servers = new Set<TcpServer>();
  readonly #sockets = new Set<Socket>();

  /** Returns its origin. */
  async listen(server: TcpServer | Server): Promise<string> {
    this.#servers.add(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      const forget = () => this.#sockets.delete(socket);
      socket.on('error', forget).on('close', forget);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  listenHttp(listener: RequestListener): Promise<string> {
    return this.listen(createServer(listener));
  }

  /** Takes no new connections; resolves when those that there are have ended. */
  async end(): Promise<void> {
    const servers = [...this.#servers];
    this.#servers.clear();
    await Promise.all(
      servers.map((server) => {
        const closed = once(server, 'close');
        server.close();
        return closed;
      }),
    );
  }

  /** Cuts what is connected. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }
}
