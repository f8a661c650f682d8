import type { RevisionSettings } from '../config/settings.ts';
import { requestHeaders } from '../forward/headers.ts';
import { traceOf } from '../forward/trace.ts';
import { grpcTimeout } from '../protocols/grpc/timeout.ts';
import type { Outbound } from '../relay/traffic.ts';
import type { CallArrival } from './call-arrival.ts';

/** What one attempt is made of besides the request. */
export interface OutboundParts {
  /** `http://host:port` of the replica, with an optional path prefix. */
  readonly origin: string;
  readonly revision: RevisionSettings;
  /** What was read of the body, as it goes on; empty: nothing was. */
  readonly prefix: readonly Buffer[];
  /** Its length is not the one that the client announced. */
  readonly isRenamed: boolean;
  /** What is left of the client's own deadline; null: it gave none. */
  readonly leftMs: number | null;
  readonly dropCredentials: boolean;
}

/** The request to one replica. */
export function outboundOf(arrival: CallArrival, parts: OutboundParts): Outbound {
  const { request, headers, isGrpc, requestId, forwardPath } = arrival;
  const { head } = request;
  const { revision, leftMs } = parts;
  const url = new URL(parts.origin);
  const isTls = url.protocol === 'https:';
  const deadline = leftMs === null ? {} : { 'grpc-timeout': grpcTimeout(leftMs) };
  const isAnnounced = headers['content-length'] !== undefined && !parts.isRenamed;
  const fields = requestHeaders(head.fields, {
    requestId,
    ...traceOf(headers.traceparent, requestId),
    clientIp: head.peer.address,
    host: head.authority,
    proto: head.peer.isTls ? 'https' : 'http',
    bodyBytes: isAnnounced ? head.bodyBytes : null,
    dropCredentials: parts.dropCredentials,
    backendHeaders: { ...revision.backendHeaders, ...deadline },
    forceIdentity: false,
  });
  if (isGrpc || headers.te === 'trailers') fields.push('te', 'trailers');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (isTls ? 443 : 80)),
    method: head.method,
    target: url.pathname.replace(/\/$/, '') + forwardPath,
    authority: url.host,
    fields,
    isTls,
    connectMs: revision.timeouts.connectMs,
    prefix: parts.prefix,
  };
}
