import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ServerSettings } from '../config/settings.ts';
import type { ErrorCode } from '../core/error-table.ts';
import { PilotlightError } from '../core/errors.ts';
import type { LaneHead } from '../relay/traffic.ts';

const requestIdShape = /^[\w.:-]{1,128}$/;

/** The client's x-request-id when it is well-formed, else a new one. */
export function requestIdOf(req: { readonly headers: Readonly<Record<string, unknown>> }): string {
  const received = req.headers['x-request-id'];
  if (typeof received === 'string' && requestIdShape.test(received)) return received;
  const made = randomUUID();
  // Node joins it out of twenty parts, and V8 keeps them until it is read once: half a kilobyte for one who waits.
  requestIdShape.test(made);
  return made;
}

/** RFC 3986, 3.2.2 and 3.2.3, without the comma: a list must not pass for one host. */
const hostShape = /^(\[[\da-f:.]+\]|[\w.~%!$&'()*+;=-]*)(:\d{1,5})?$/i;
const absoluteForm = /^https?:\/\/([^/?]*)(.*)$/i;

/** Connections of which a head was refused. What comes behind it may be what a smuggler meant to be taken for a request. */
const refusedSockets = new WeakSet<Socket>();

/**
 * Refuses heads that two parsers could read in two ways, beyond what Node's parser refuses: too many fields, a Host
 * that is not one, an encoding of the message that is not read here, a target with more than one meaning. A target in
 * absolute form (RFC 9112, 3.2.2) becomes its path and query. Throws bad_request or headers_too_large, with which the
 * connection ends.
 */
export function checkHead(req: IncomingMessage, headerCount: number): void {
  const { rawHeaders, socket } = req;
  if (refusedSockets.has(socket)) throw refusal(socket, 'bad_request', 'an earlier request was malformed');
  if (rawHeaders.length > headerCount * 2) {
    const message = `too many header fields: server.limits.headerCount is ${headerCount}`;
    throw refusal(socket, 'headers_too_large', message);
  }
  let host: string | null = null;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length !== 4 || rawHeaders[i]!.toLowerCase() !== 'host') continue;
    host = rawHeaders[i + 1]!;
    hosts++;
  }
  const fault = hostFault(req, host, hosts) ?? framingFault(req) ?? targetFault(req, host);
  if (fault !== null) throw refusal(socket, 'bad_request', fault);
}

function refusal(socket: Socket, code: ErrorCode, message: string): PilotlightError {
  refusedSockets.add(socket);
  return new PilotlightError(code, message, { headers: ['connection', 'close'] });
}

function hostFault(req: IncomingMessage, host: string | null, hosts: number): string | null {
  if (hosts > 1) return `${hosts} Host headers: there must be one`;
  if (host === null) return req.httpVersion === '1.0' ? null : 'no Host header';
  return hostShape.test(host) ? null : 'the Host header is not a host';
}

/** RFC 9112, 6.1: with HTTP/1.0 a transfer-encoding is a fault in the framing; other codings are not undone here. */
function framingFault(req: IncomingMessage): string | null {
  const encoding = req.headers['transfer-encoding'];
  if (req.httpVersion !== '1.1') {
    if (req.httpVersion !== '1.0') return `HTTP/${req.httpVersion} is not spoken here`;
    if (encoding !== undefined) return 'HTTP/1.0 has no transfer-encoding';
  }
  if (encoding === undefined || encoding.toLowerCase() === 'chunked') return null;
  return 'the only transfer-encoding read here is chunked';
}

/** A fragment and a backslash are read as such by some and as part of the path by others. */
function targetFault(req: IncomingMessage, host: string | null): string | null {
  const target = req.url!;
  if (target.includes('#') || target.includes('\\')) return 'the request target has a # or a backslash';
  if (target.charCodeAt(0) === 0x2f) return null;
  const [, authority, rest] = absoluteForm.exec(target) ?? [];
  if (authority === undefined) return 'the request target is not a path';
  if (authority.toLowerCase() !== host?.toLowerCase()) return 'the request target and Host name two hosts';
  req.url = rest!.startsWith('/') ? rest! : `/${rest!}`;
  return null;
}

/** As `checkHead`, of a head whose framing nghttp2 has checked. Throws bad_request or headers_too_large. */
export function checkHttp2Head(
  { fields, authority, target }: LaneHead,
  limits: ServerSettings['limits'],
): void {
  if (fields.length > limits.headerCount * 2) {
    const message = `too many header fields: server.limits.headerCount is ${limits.headerCount}`;
    throw new PilotlightError('headers_too_large', message);
  }
  // RFC 9113, 6.5.2 counts 32 bytes more for each field; as over HTTP/1.1 only names and values are counted here.
  const bytes = fields.reduce((sum, text) => sum + text.length, target.length);
  if (bytes > limits.headerBytes) {
    const message = `the head is larger than server.limits.headerSize, ${limits.headerBytes} bytes`;
    throw new PilotlightError('headers_too_large', message);
  }
  if (authority === '') throw new PilotlightError('bad_request', 'no :authority and no host');
  if (!hostShape.test(authority)) throw new PilotlightError('bad_request', ':authority is not a host');
  if (!target.startsWith('/') || target.includes('#') || target.includes('\\'))
    throw new PilotlightError('bad_request', 'the request target is not a path, or has a # or a backslash');
}
