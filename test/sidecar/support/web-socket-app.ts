import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** An app that speaks WebSocket by the library, and sends back what it is sent. */
export interface WebSocketApp {
  readonly port: number;
  /** Those that were opened, in order. */
  readonly sockets: readonly WebSocket[];
  close(): Promise<void>;
}

/** Listens on a free port of the loopback. A message `bye` makes it close with the code 4001. */
export async function startWebSocketApp(): Promise<WebSocketApp> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: (offered) => [...offered][0]!,
  });
  await once(server, 'listening');
  const sockets: WebSocket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('message', (data, isBinary) => {
      if (!isBinary && String(data) === 'bye') socket.close(4001, 'as told');
      else socket.send(data, { binary: isBinary });
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: () =>
      new Promise((resolve) => {
        for (const socket of server.clients) socket.terminate();
        server.close(() => resolve());
      }),
  };
}
