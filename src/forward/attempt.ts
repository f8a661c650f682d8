import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Dispatcher } from 'undici';
import type { RevisionSettings, TimeoutSettings } from '../config/settings.ts';
import type { BackendCall } from '../core/contract.ts';
import type { BodyPatch } from '../core/protocol.ts';
import { patchedBytes } from './body-patch.ts';
import { type FlatHeaders, requestHeaders } from './headers.ts';
import type { RequestBody, UpstreamBody } from './request-body.ts';
import { traceOf } from './trace.ts';
import type { UpgradeRequest } from './tunnel.ts';
import type { Upstream } from './upstreams.ts';

/** One request to one replica. */
export interface Attempt {
  readonly pool: Dispatcher;
  readonly method: string;
  readonly path: string;
  /** The client asks to switch to WebSocket. */
  readonly isUpgrade: boolean;
  readonly headers: FlatHeaders;
  readonly body: UpstreamBody;
  readonly timeouts: TimeoutSettings;
  /** `nowMs` from which `timeouts.total` counts: what waited before counts as well. */
  readonly arrivedAtMs: number;
  readonly isStream: boolean;
  /** Text in a 503 that means "still loading". */
  readonly loading: string;
}

/** What of an arrived request is passed on. */
export interface Outbound {
  readonly req: IncomingMessage;
  readonly requestId: string;
  readonly upgrade: UpgradeRequest | null;
}

/** What one attempt is made of besides the request. */
export interface AttemptParts {
  readonly upstream: Upstream;
  readonly revision: RevisionSettings;
  readonly body: RequestBody;
  /** Path and query, without the replica's own prefix. */
  readonly path: string;
  /** The change of the body on its way, if any. */
  readonly patch: BodyPatch | null;
  readonly isStream: boolean;
  /** `nowMs` of the request. */
  readonly arrivedAtMs: number;
  /** The client's credentials stay here. */
  readonly dropCredentials: boolean;
  /** The answer has been begun before its encoding is known. */
  readonly forceIdentity: boolean;
}

/** The request to one replica. */
export function prepareAttempt(outbound: Outbound, parts: AttemptParts): Attempt {
  const { req, requestId, upgrade } = outbound;
  const { upstream, revision, body, patch, isStream } = parts;
  const trace = traceOf(req.headers.traceparent, requestId);
  const headers = requestHeaders(req.rawHeaders, {
    requestId,
    traceparent: trace.traceparent,
    isNewTrace: trace.isNewTrace,
    clientIp: req.socket.remoteAddress ?? 'unknown',
    host: req.headers.host ?? '',
    proto: (req.socket as Partial<TLSSocket>).encrypted ? 'https' : 'http',
    bodyBytes: announcedBytes(req, body, patch),
    dropCredentials: parts.dropCredentials,
    backendHeaders: revision.backendHeaders,
    forceIdentity: parts.forceIdentity,
  });
  return {
    pool: upstream.pool,
    method: req.method ?? 'GET',
    path: upstream.pathPrefix + parts.path,
    isUpgrade: upgrade !== null,
    headers,
    body: body.toUpstream(patch),
    timeouts: revision.timeouts,
    arrivedAtMs: parts.arrivedAtMs,
    isStream,
    loading: revision.ready.loading,
  };
}

/** What an attempt of the gateway's own request is made of besides that. */
export type OwnAttemptParts = Pick<
  AttemptParts,
  'upstream' | 'revision' | 'arrivedAtMs' | 'dropCredentials'
> & { readonly requestId: string };

/** As `prepareAttempt`, for a request that the gateway makes itself: nobody's address goes with it, and no answer is to be encoded. */
export function prepareOwnAttempt(call: BackendCall, parts: OwnAttemptParts): Attempt {
  const { upstream, revision, requestId, arrivedAtMs, dropCredentials } = parts;
  const { method, body, contentType, isStream } = call;
  const fields = Object.entries({ ...call.headers, ...(contentType && { 'content-type': contentType }) });
  const hasBody = body.length > 0 || (method !== 'GET' && method !== 'HEAD');
  const headers = requestHeaders(fields.flat(), {
    requestId,
    ...traceOf(call.headers.traceparent, requestId),
    clientIp: null,
    host: '',
    proto: 'http',
    bodyBytes: hasBody ? body.length : null,
    dropCredentials,
    backendHeaders: revision.backendHeaders,
    forceIdentity: true,
  });
  return {
    pool: upstream.pool,
    method,
    path: upstream.pathPrefix + call.path,
    isUpgrade: false,
    headers,
    body: body.length === 0 ? null : body,
    timeouts: revision.timeouts,
    arrivedAtMs,
    isStream,
    loading: revision.ready.loading,
  };
}

/** content-length for the backend; null: none, since there is no body or its length is not known yet. */
function announcedBytes(req: IncomingMessage, body: RequestBody, patch: BodyPatch | null): number | null {
  const bytes = body.isComplete ? body.bytes : expectedBytes(req);
  if (bytes === null || (bytes === 0 && req.headers['content-length'] === undefined)) return null;
  return patchedBytes(bytes, patch);
}

/** Bytes of the body that a request announces: 0 = it has none, null = as many as come (chunked). */
export function expectedBytes({ headers }: IncomingMessage): number | null {
  if (headers['transfer-encoding'] !== undefined) return null;
  return Number(headers['content-length'] ?? 0);
}
