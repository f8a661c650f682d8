import type { OutgoingHttpHeaders } from 'node:http2';
import type { FlatHeaders } from '../../forward/headers.ts';
import { fieldOf, type LaneHead, type Outbound } from '../traffic.ts';

/** Where a connection comes from. */
export type Peer = LaneHead['peer'];

/** What a list of fields may weigh, as RFC 9113, 6.5.2 counts it: names, values and 32 bytes each. Past it: 431. */
const maxFieldBytes = 64 * 1024;
const bytesPerField = 32;

/** RFC 9113, 8.2.2 and RFC 9110, 7.6.1: fields that speak of one connection. `te` may be there as `trailers` only. */
const hopFields = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
]);

/** A head that cannot be taken: the status that says so. */
export type RefusedHead = 400 | 431 | 501;

/**
 * Reads the fields of a request as nghttp2 hands them over (checked by it: names in lower case, no field of a connection,
 * pseudo-fields complete and first). `isBodyless`: the head ended the stream. CONNECT is not offered (501), neither plain nor
 * extended; a `host` that is not `:authority` is a malformed request (RFC 9113, 8.3.1).
 */
export function readHead(raw: readonly string[], isBodyless: boolean, peer: Peer): LaneHead | RefusedHead {
  let method = '';
  let target = '';
  let authority = '';
  let bytes = 0;
  let at = 0;
  for (; at < raw.length && raw[at]![0] === ':'; at += 2) {
    const value = raw[at + 1]!;
    bytes += raw[at]!.length + value.length + bytesPerField;
    if (raw[at] === ':method') method = value;
    else if (raw[at] === ':path') target = value;
    else if (raw[at] === ':authority') authority = value;
  }
  if (method === 'CONNECT') return 501;
  const host = fieldOf(raw as FlatHeaders, 'host');
  if (authority === '') authority = host ?? '';
  const fields: FlatHeaders = ['host', authority];
  let bodyBytes: number | null = isBodyless ? 0 : null;
  for (; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    bytes += name.length + value.length + bytesPerField;
    if (name === 'host') {
      if (value !== authority) return 400;
      continue;
    }
    if (name === 'content-length' && !isBodyless) bodyBytes = Number(value);
    fields.push(name, value);
  }
  if (bytes > maxFieldBytes) return 431;
  return { version: '2', method, target, authority, fields, peer, upgrade: null, bodyBytes };
}

/** The head that goes to a backend, for `ClientHttp2Session.request`. */
export function requestFields(outbound: Outbound): string[] {
  const { method, target, authority, fields, isTls } = outbound;
  const out = [':method', method, ':scheme', isTls === true ? 'https' : 'http', ':path', target];
  if (authority !== '') out.push(':authority', authority);
  return pushEndToEnd(out, fields);
}

/** The head that goes to a client, for `ServerHttp2Stream.respond`. */
export function answerFields(status: number, fields: FlatHeaders): string[] {
  return pushEndToEnd([':status', String(status)], fields);
}

function pushEndToEnd(out: string[], fields: FlatHeaders): string[] {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    if (hopFields.has(name) || (name === 'te' && fields[i + 1] !== 'trailers')) continue;
    out.push(name, fields[i + 1]!);
  }
  return out;
}

/** The fields of a head or of trailers without the pseudo-fields, which come first. */
export function plainFields(raw: readonly string[]): FlatHeaders {
  let at = 0;
  while (at < raw.length && raw[at]![0] === ':') at += 2;
  return raw.slice(at);
}

/** Fields as an object, which trailers and informational heads are sent as; a name that comes twice keeps both values. */
export function fieldsObject(fields: FlatHeaders): OutgoingHttpHeaders {
  const out: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    if (hopFields.has(name)) continue;
    const before = out[name];
    if (before === undefined) out[name] = fields[i + 1]!;
    else if (typeof before === 'string') out[name] = [before, fields[i + 1]!];
    else before.push(fields[i + 1]!);
  }
  return out;
}

/** Whether a content type is one of gRPC (`application/grpc`, with `+proto` and the like; not gRPC-Web). */
export function isGrpcType(contentType: string | undefined): boolean {
  if (contentType === undefined || !contentType.startsWith('application/grpc')) return false;
  const next = contentType[16];
  return next === undefined || next === '+' || next === ';';
}
