import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { PilotlightError } from '../core/errors.ts';
import type { SurfaceDialect } from '../core/surface.ts';
import type { FlatHeaders } from './headers.ts';
import { untimed } from './timings.ts';
import type { UpgradeRequest } from './tunnel.ts';

/** How long, and for how many bytes, an upload that was refused is still read, so that its sender sees the answer. */
const lingerMs = 5_000;
const lingerBytes = 64 * 1024 * 1024;

/** What every answer of the gateway itself needs. */
export interface ReplyContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** A platform's may have a status and fields of its own for an error. */
  readonly dialect: SurfaceDialect;
  readonly requestId: string;
  /** Fields for every answer (CORS). */
  readonly extraHeaders: FlatHeaders;
  /** Set where the client asks to switch protocols. */
  readonly upgrade?: UpgradeRequest | null;
}

/** The fields of an error answer besides those that describe its body. */
export function errorHeaders(error: PilotlightError): FlatHeaders {
  const { shouldRetry, retryAfter } = error.spec;
  const headers: FlatHeaders = [...error.headers];
  if (retryAfter) {
    headers.push('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
    headers.push('retry-after-ms', String(Math.ceil(error.retryAfterMs)));
  }
  if (shouldRetry !== undefined) headers.push('x-should-retry', String(shouldRetry));
  return headers;
}

/**
 * Answers with an error in the route's dialect. An upload that is still under way is read on for a while (linger),
 * since closing on a sender resets the connection and takes the answer with it. `headers` tell where its time went.
 */
export function sendError(
  context: ReplyContext,
  error: PilotlightError,
  headers: readonly string[] = untimed,
): void {
  const { req, res, dialect, requestId, extraHeaders } = context;
  if (res.headersSent || res.destroyed) return;
  const body = Buffer.from(dialect.renderError(error));
  const own = dialect.headersOf?.(error) ?? {};
  const all = [
    'content-type',
    own['content-type'] ?? 'application/json',
    'content-length',
    String(body.length),
    'x-request-id',
    requestId,
  ];
  for (const name in own) if (name !== 'content-type') all.push(name, own[name]!);
  all.push(...errorHeaders(error), ...extraHeaders, ...headers);
  const isUploading = !req.complete && hasBody(req);
  if (isUploading || error.code === 'draining') all.push('connection', 'close');
  res.writeHead(dialect.statusOf?.(error) ?? error.spec.status, all);
  if (!isUploading) {
    res.end(body);
    return;
  }
  res.write(body);
  linger(req, () => res.end());
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
}

/** Reads and drops what still comes, then calls `done`: at the end, or after a bounded time and size. */
function linger(req: IncomingMessage, done: () => void): void {
  let bytes = 0;
  const finish = () => {
    clearTimeout(timer);
    req.removeListener('data', count);
    req.removeListener('end', finish);
    req.removeListener('close', finish);
    done();
  };
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > lingerBytes) finish();
  };
  const timer = setTimeout(finish, lingerMs);
  timer.unref();
  req.on('data', count);
  req.once('end', finish);
  req.once('close', finish);
  req.resume();
}

/**
 * Ends an answer whose head is out already: an SSE error event where one may stand, then the connection is cut, so
 * that nobody takes a cut body for a whole one.
 */
export function cutAnswer(
  context: ReplyContext,
  error: PilotlightError,
  mayWriteEvent: 'sse' | 'json' | 'no',
): void {
  const { res, dialect } = context;
  if (res.destroyed) return;
  if (mayWriteEvent === 'no') {
    cutConnection(context);
    return;
  }
  const text = mayWriteEvent === 'sse' ? dialect.renderStreamError(error) : dialect.renderError(error);
  res.write(text, () => cutConnection(context));
}

/** In HTTP/1.0 the close is the end of the body: only a reset tells that it is cut (in TLS the missing close_notify). */
function cutConnection({ req, res }: ReplyContext): void {
  if (req.httpVersionMinor === 0 && !(req.socket as Partial<TLSSocket>).encrypted)
    req.socket.resetAndDestroy();
  else res.destroy();
}
