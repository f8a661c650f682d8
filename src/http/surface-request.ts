import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Caller, SurfaceRequest } from '../core/surface.ts';
import { headOf } from './door.ts';
import { credentialFields } from './surface-key.ts';
import { decodedParams } from './surface-pattern.ts';

/** What of a request is known before its body is read. */
export interface SurfaceArrival {
  readonly req: IncomingMessage;
  /** As they are written in the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly prefix: string;
  readonly caller: Caller;
  /** The client's credentials stay here. */
  readonly dropCredentials: boolean;
}

/** The request as a surface sees it. Throws bad_request for a path that cannot be decoded. */
export function surfaceRequest(arrival: SurfaceArrival, body: Buffer): SurfaceRequest {
  const { req, params, prefix, caller } = arrival;
  const { method, path, query } = headOf(req);
  return {
    method,
    path: path.slice(prefix.length) || '/',
    params: decodedParams(params),
    query: new URLSearchParams(query),
    headers: joinedHeaders(arrival),
    body,
    baseUrl: originOf(req) + prefix,
    caller,
  };
}

function joinedHeaders({ req, dropCredentials }: SurfaceArrival): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  const { rawHeaders } = req;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (dropCredentials && credentialFields.has(name)) continue;
    const before = out[name];
    out[name] = before === undefined ? rawHeaders[i + 1]! : `${before}, ${rawHeaders[i + 1]!}`;
  }
  return out;
}

/** One host, with or without a port: nothing that could be more of a URL. */
const hostShape = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i;

/** Scheme and host as the client used them: a proxy before the gateway tells what it was asked for. */
function originOf({ headers, socket }: IncomingMessage): string {
  const first = (name: string) =>
    String(headers[name] ?? '')
      .split(',')[0]!
      .trim();
  const isTls = (socket as Partial<TLSSocket>).encrypted === true || first('x-forwarded-proto') === 'https';
  const host = [first('x-forwarded-host'), headers.host ?? ''].find((name) => hostShape.test(name));
  return `${isTls ? 'https' : 'http'}://${host ?? 'localhost'}`;
}
