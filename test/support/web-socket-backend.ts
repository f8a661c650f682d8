import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What a test does with a connection that has switched to WebSocket; bytes are raw frames. */
export type OnSocket = (socket: Socket, req: IncomingMessage, head: Buffer) => void;

/** A backend that accepts every WebSocket; /health is 200 while it is ready. */
export interface WebSocketBackend {
  readonly url: string;
  /** Heads of the opening handshakes, in order. */
  readonly seen: IncomingMessage[];
  /** Sockets that are open. */
  readonly sockets: Set<Socket>;
  isReady: boolean;
  close(): Promise<void>;
}

/** Listens on a free loopback port. */
export async function startWebSocketBackend(onSocket: OnSocket): Promise<WebSocketBackend> {
  const backend = { isReady: true, seen: [] as IncomingMessage[], sockets: new Set<Socket>() };
  const server = createServer((_req, res) => {
    res.writeHead(backend.isReady ? 200 : 503).end(backend.isReady ? 'ok' : 'Loading model');
  });
  server.on('upgrade', (req, socket, head) => {
    backend.seen.push(req);
    backend.sockets.add(socket as Socket);
    socket.on('close', () => backend.sockets.delete(socket as Socket));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    const accept = createHash('sha1')
      .update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    onSocket(socket as Socket, req, head);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(backend, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of backend.sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** Sends every text frame back (of up to 125 bytes, one frame for each read), and answers a close frame by closing. */
export const echoFrames: OnSocket = (socket) => {
  socket.on('data', (frame: Buffer) => {
    const length = frame[1]! & 0x7f;
    const mask = frame.subarray(2, 6);
    const payload = frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]!);
    socket.write(Buffer.concat([Buffer.from([frame[0]!, length]), payload]));
    if ((frame[0]! & 0x0f) === 8) socket.end();
  });
};
