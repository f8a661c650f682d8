/**
 * Header fields as flat arrays of name, value, name, value, ... the way Node and undici hand them over: nothing is
 * folded into an object on the way through.
 */
export type FlatHeaders = string[];

/** RFC 9110, 7.6.1: fields of one hop; `expect` is answered here, `host` and `content-length` are set anew. */
const dropFromRequest = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'x-request-id',
  'traceparent',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

const dropFromResponse = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);

/** How a browser sends its key to a WebSocket, where it can set no other field (OpenAI's client for browsers). */
export const keyProtocol = 'openai-insecure-api-key.';

/** What the gateway says of the request it passes on. */
export interface ForwardFacts {
  readonly requestId: string;
  readonly traceparent: string;
  /** The trace begins here: the client's tracestate belongs to none. */
  readonly isNewTrace: boolean;
  /** The client's address as the socket tells it; null: the gateway itself asks, for nobody. */
  readonly clientIp: string | null;
  readonly host: string;
  readonly proto: 'http' | 'https';
  /** content-length to send; null: none (no body, or one of unknown length). */
  readonly bodyBytes: number | null;
  /** The client's credentials stay here. */
  readonly dropCredentials: boolean;
  /** The gateway's own headers for this backend; they replace the client's. */
  readonly backendHeaders: Readonly<Record<string, string>>;
  /** A heartbeat committed the answer before its encoding is known. */
  readonly forceIdentity: boolean;
}

/** The fields that go to the backend. */
export function requestHeaders(raw: readonly string[], facts: ForwardFacts): FlatHeaders {
  const named = connectionTokens(raw);
  const out: FlatHeaders = [];
  let forwardedFor = '';
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const value = raw[i + 1]!;
    if (name === 'x-forwarded-for') forwardedFor += `${value}, `;
    if (dropFromRequest.has(name) || named?.has(name) || Object.hasOwn(facts.backendHeaders, name)) continue;
    if (facts.dropCredentials && (name === 'authorization' || name === 'x-api-key')) continue;
    if (facts.forceIdentity && name === 'accept-encoding') continue;
    if (facts.isNewTrace && name === 'tracestate') continue;
    if (facts.dropCredentials && name === 'sec-websocket-protocol') pushKeylessProtocols(out, value);
    else out.push(name, value);
  }
  out.push('x-request-id', facts.requestId, 'traceparent', facts.traceparent);
  const { clientIp } = facts;
  if (clientIp !== null) {
    out.push('x-forwarded-for', forwardedFor + clientIp);
    out.push('x-forwarded-host', facts.host, 'x-forwarded-proto', facts.proto);
    out.push('forwarded', forwardedField(clientIp, facts));
  }
  if (facts.forceIdentity) out.push('accept-encoding', 'identity');
  if (facts.bodyBytes !== null) out.push('content-length', String(facts.bodyBytes));
  for (const name in facts.backendHeaders) out.push(name, facts.backendHeaders[name]!);
  return out;
}

function pushKeylessProtocols(out: FlatHeaders, value: string): void {
  const protocols = value.split(',').map((protocol) => protocol.trim());
  const left = protocols.filter((protocol) => !protocol.startsWith(keyProtocol));
  if (left.length > 0) out.push('sec-websocket-protocol', left.join(', '));
}

/** RFC 7239; IPv6 addresses are bracketed and quoted. */
function forwardedField(clientIp: string, facts: ForwardFacts): string {
  const node = clientIp.includes(':') ? `"[${clientIp}]"` : clientIp;
  const host = facts.host.replace(/["\\]/g, '');
  return `for=${node};host="${host}";proto=${facts.proto}`;
}

/** The head of a backend's answer as the client gets it. */
export interface AnswerHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: FlatHeaders;
  /** content-length; null when unknown. */
  readonly bodyBytes: number | null;
  readonly contentType: string;
  readonly isEncoded: boolean;
}

/** Fields as undici gives them: names in lower case, an array where a name came more than once. */
export type ParsedFields = Readonly<Record<string, string | string[] | undefined>>;

/** What a status line cannot have; undici reads it as UTF-8. */
const unwritable = /[^\t\x20-\x7e\x80-\xff]/;

/** The head out of undici's fields, without those of one hop. */
export function answerHead(status: number, statusText: string, parsed: ParsedFields): AnswerHead {
  let fields: FlatHeaders = [];
  let named: Set<string> | null = null;
  for (const name in parsed) {
    const value = parsed[name];
    if (name === 'connection') named = addTokens(named, String(value));
    if (dropFromResponse.has(name)) continue;
    if (typeof value === 'string') fields.push(name, value);
    else for (const one of value ?? []) fields.push(name, one);
  }
  if (named !== null) fields = without(fields, named);
  const length = parsed['content-length'];
  return {
    status,
    // A reason that Node refuses to write is of no use to anybody.
    statusText: unwritable.test(statusText) ? '' : statusText,
    fields,
    bodyBytes: length === undefined ? null : Number(length),
    contentType: String(parsed['content-type'] ?? ''),
    isEncoded: parsed['content-encoding'] !== undefined,
  };
}

/** The gateway's own CORS fields in the place of the backend's, of which a browser would refuse two. */
export function withOwnCors(fields: FlatHeaders, own: FlatHeaders): FlatHeaders {
  const out: FlatHeaders = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!fields[i]!.startsWith('access-control-')) out.push(fields[i]!, fields[i + 1]!);
  }
  return out.concat(own);
}

/** Trailers that may be passed on: none that frame or route a message (RFC 9110, 6.5.1). */
export function answerTrailers(
  trailers: Readonly<Record<string, string | string[]>>,
): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name in trailers) {
    const value = trailers[name]!;
    if (dropFromResponse.has(name) || name.startsWith('content-')) continue;
    out[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return out;
}

function connectionTokens(raw: readonly string[]): Set<string> | null {
  let named: Set<string> | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]!.length === 10 && raw[i]!.toLowerCase() === 'connection')
      named = addTokens(named, raw[i + 1]!);
  }
  return named;
}

/** `keep-alive` and `close` name no field worth a look-up. */
function addTokens(named: Set<string> | null, value: string): Set<string> | null {
  const lower = value.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close') return named;
  const all = named ?? new Set<string>();
  for (const token of lower.split(',')) all.add(token.trim());
  return all;
}

function without(headers: FlatHeaders, named: Set<string>): FlatHeaders {
  const out: FlatHeaders = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!named.has(headers[i]!)) out.push(headers[i]!, headers[i + 1]!);
  }
  return out;
}
