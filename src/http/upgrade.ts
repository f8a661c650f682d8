import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PilotlightError } from '../core/errors.ts';
import { EarlyBytes, type UpgradeRequest } from '../forward/tunnel.ts';

/** A request to switch to WebSocket; `res` serves for refusals only. */
export interface UpgradeArrival {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly upgrade: UpgradeRequest;
}

/** Whether a request is an opening handshake (RFC 6455, 4.1) by its method and Upgrade; the backend checks the rest. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  const protocols = (headers.upgrade ?? '').split(',');
  return method === 'GET' && protocols.some((name) => name.trim().toLowerCase() === 'websocket');
}

/** Hands the opening handshakes that arrive at a server to `take`. */
export function serveUpgrades(server: Server, take: (arrival: UpgradeArrival) => void): void {
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    const early = new EarlyBytes(socket, head);
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.on('finish', () => socket.end());
    take({ req, res, upgrade: { socket, early } });
  });
}

/**
 * Browsers let any page open a WebSocket to anywhere, and send a plain POST, whatever CORS says: so a page's origin must
 * be the host it asks, or be allowed. Clients other than browsers send no Origin. Throws forbidden_origin.
 */
export function checkOrigin({ headers }: IncomingMessage, allowed: readonly string[]): void {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new PilotlightError(
    'forbidden_origin',
    `a page of ${JSON.stringify(origin)} may not ask this: it is neither this host nor allowed (server.cors, for WebSockets)`,
  );
}
