import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { versionOf } from './first-bytes.ts';
import type { Lane } from './traffic.ts';

/** How a port is opened. */
export interface ListenerOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Default: every address of the machine. */
  readonly host?: string;
  readonly lanes: Lanes;
  readonly clock: Clock;
  /** Connections at once; more are closed as they come. Default 0: as many as come. */
  readonly maxConnections?: number;
  /** Until the first bytes tell the version, the handshake of TLS included. Default 10,000. */
  readonly firstBytesMs?: number;
  /** Makes the server that TLS is spoken by, with ALPN for both lanes (`TlsPort.createServer`). Default: plain TCP. */
  readonly tls?: (onConnection: (socket: TLSSocket) => void) => Server;
}

/** Who gets the connections. */
export interface Lanes {
  readonly http1: Lane;
  readonly http2: Lane;
}

/** An open port. The lanes are their owner's, who may give them to several ports: they are drained and closed by him. */
export interface Listener {
  readonly port: number;
  /** No more connections, at once; those of which it is not known yet what they speak are closed. */
  close(): void;
}

/** A client that is gone without a word is noticed by the system, as behind Go's server. */
const keepAliveDelayMs = 15_000;

/**
 * Opens a port of both versions: the first bytes of a connection, or ALPN, say which lane gets it, and are put back before.
 * Rejects with the system's error where the port cannot be had.
 */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { lanes, clock, tls, maxConnections = 0, firstBytesMs = 10_000 } = options;
  const undecided = new Set<Socket>();
  const sort = (socket: Socket) => sortConnection(socket, { lanes, clock, undecided, firstBytesMs });
  const server =
    tls === undefined
      ? createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs }, sort)
      : tls((socket) => {
          socket.setNoDelay(true);
          socket.setKeepAlive(true, keepAliveDelayMs);
          const { alpnProtocol } = socket;
          if (alpnProtocol === 'h2') lanes.http2.take(socket);
          else if (alpnProtocol === 'http/1.1') lanes.http1.take(socket);
          else sort(socket);
        });
  if (maxConnections > 0) server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of undecided) socket.destroy();
    },
  };
}

interface SortOptions {
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly undecided: Set<Socket>;
  readonly firstBytesMs: number;
}

/** Reads no more than tells the version, and puts it back: the lane sees the connection as it came. */
function sortConnection(socket: Socket, { lanes, clock, undecided, firstBytesMs }: SortOptions): void {
  let seen: Buffer | null = null;
  const cancelTimer = clock.setTimer(clock.nowMs() + firstBytesMs, () => socket.destroy());
  const onReadable = () => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    seen = seen === null ? bytes : Buffer.concat([seen, bytes]);
    const version = versionOf(seen);
    if (version === null) return;
    leave();
    socket.unshift(seen);
    lanes[version].take(socket);
  };
  const leave = () => {
    cancelTimer();
    undecided.delete(socket);
    socket.off('readable', onReadable);
    socket.off('error', onError);
    socket.off('end', onEnd);
    socket.off('close', leave);
  };
  // `close` follows: nobody was promised anything yet.
  const onError = () => socket.destroy();
  // Less than tells the version, and no more to come.
  const onEnd = () => {
    leave();
    socket.destroy();
  };
  undecided.add(socket);
  socket.on('readable', onReadable);
  socket.on('error', onError);
  socket.on('end', onEnd);
  socket.on('close', leave);
}
