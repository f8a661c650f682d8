import type { FlatHeaders } from '../../forward/headers.ts';
import { fieldOf } from '../../relay/traffic.ts';

const methods = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']);

/** http.request.method: one of those that are known, or `_OTHER`. */
export function methodLabel(method: string): string {
  if (methods.has(method)) return method;
  const upper = method.toUpperCase();
  return methods.has(upper) ? upper : '_OTHER';
}

/** network.protocol.version, as Go writes it. */
export function versionLabel(version: '1.0' | '1.1' | '2'): string {
  return version === '2' ? '2.0' : version;
}

/** Host and port of an authority. */
export interface ServerLabels {
  /** Empty where the authority is malformed. */
  readonly host: string;
  /** Empty where there is none, or it is the scheme's own. */
  readonly port: string;
}

/** server.address and server.port as OpenTelemetry's instrumentation of Go's net/http takes them from Host. */
export function serverLabels(authority: string, isTls: boolean): ServerLabels {
  const [, host, digits] = split(authority);
  const port = /^\d{1,6}$/.test(digits) ? Number(digits) : 0;
  const isShown = port > 0 && port <= 65_535 && port !== (isTls ? 443 : 80);
  return { host, port: isShown ? String(port) : '' };
}

const bracketed = /^\[([^[\]]*)\](?::([^:[\]]*))?$/;
const plain = /^([^:[\]]*)(?::([^:[\]]*))?$/;

function split(authority: string): [whole: string, host: string, port: string] {
  const match = bracketed.exec(authority) ?? plain.exec(authority);
  return [authority, match?.[1] ?? '', match?.[2] ?? ''];
}

/** kn.route.tag: which route the ingress chose (pkg/queue/routetag_handler.go). */
export function routeTag(fields: FlatHeaders): string {
  const tag = fieldOf(fields, 'knative-serving-tag') ?? '';
  const isDefault = fieldOf(fields, 'knative-serving-default-route') ?? '';
  if (tag === '') return isDefault === '' ? 'kn:disabled' : 'kn:default';
  return isDefault === 'true' ? 'kn:undefined' : tag;
}
