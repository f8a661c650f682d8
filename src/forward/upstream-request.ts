import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type FlatHeaders, requestHeaders } from './headers.ts';

/** What of an arrived request is passed on. */
export interface Outbound {
  readonly req: IncomingMessage;
  readonly requestId: string;
  /** Path and query, without the replica's own prefix. */
  readonly forwardPath: string;
}

/** What the attempt adds. */
export interface OutboundFacts {
  readonly pathPrefix: string;
  readonly bodyBytes: number;
  readonly dropCredentials: boolean;
  readonly backendHeaders: Readonly<Record<string, string>>;
  readonly forceIdentity: boolean;
}

const traceparentShape = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Method, path and fields of the request to the backend. */
export function upstreamRequest(
  { req, requestId, forwardPath }: Outbound,
  facts: OutboundFacts,
): { method: string; path: string; headers: FlatHeaders } {
  const method = req.method ?? 'GET';
  const isBodyless = facts.bodyBytes === 0 && req.headers['content-length'] === undefined;
  const headers = requestHeaders(req.rawHeaders, {
    requestId,
    traceparent: traceparent(req.headers.traceparent),
    clientIp: req.socket.remoteAddress ?? 'unknown',
    host: req.headers.host ?? '',
    proto: (req.socket as Partial<TLSSocket>).encrypted ? 'https' : 'http',
    bodyBytes: isBodyless ? null : facts.bodyBytes,
    dropCredentials: facts.dropCredentials,
    backendHeaders: facts.backendHeaders,
    forceIdentity: facts.forceIdentity,
  });
  return { method, path: facts.pathPrefix + forwardPath, headers };
}

/** W3C Trace Context: a valid one is passed on, else a new trace begins (version 00, sampled). */
function traceparent(received: string | string[] | undefined): string {
  if (typeof received === 'string' && traceparentShape.test(received)) return received;
  const ids = randomBytes(24).toString('hex');
  return `00-${ids.slice(0, 32)}-${ids.slice(32)}-01`;
}
