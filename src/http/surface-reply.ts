import type { ServerResponse } from 'node:http';
import { toPilotlightError } from '../core/errors.ts';
import type { SurfaceReply } from '../core/surface.ts';
import { isEventEnd } from '../forward/event-end.ts';
import { type FlatHeaders, withOwnCors } from '../forward/headers.ts';
import { cutAnswer, type ReplyContext } from '../forward/reply.ts';

/** Written anew here, whatever a surface took over from a backend. */
const ownFields = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'x-request-id',
  'server-timing',
]);

/** Told how an answer goes. */
export interface ReplyProgress {
  /** Bytes of body that are written; `isEventEnd`: an event of a stream may follow them. */
  onBytes(bytes: number, isEventEnd: boolean): void;
}

/**
 * Writes what a surface answers, a stream no faster than the client takes it. Resolves when all is handed over, or the client
 * has left; a stream that fails ends with an event of the dialect where one may stand, then the connection is cut, and that
 * error is thrown. `added` are further fields of the head.
 */
export async function writeReply(
  context: ReplyContext,
  reply: SurfaceReply,
  { added, progress, signal }: ReplyOptions,
): Promise<void> {
  const { res } = context;
  if (res.destroyed || signal.aborted) {
    await letGo(reply.body);
    return;
  }
  const { body } = reply;
  const fields = fieldsOf(context, reply, added);
  if (body === null || typeof body === 'string' || Buffer.isBuffer(body)) {
    const bytes = Buffer.from(body ?? '');
    if (reply.status !== 204 && reply.status !== 304) fields.push('content-length', String(bytes.length));
    res.writeHead(reply.status, fields);
    progress.onBytes(bytes.length, false);
    res.end(bytes);
    return;
  }
  res.writeHead(reply.status, fields);
  res.flushHeaders();
  const isSse = String(reply.headers['content-type']).startsWith('text/event-stream');
  progress.onBytes(0, isSse);
  await new StreamedReply(context, isSse, { progress, signal }).write(body);
}

/** What an answer is written with. */
export interface ReplyOptions {
  readonly added: FlatHeaders;
  readonly progress: ReplyProgress;
  /** Aborted when nothing is to be written any more: the client has left, or the answer was cut. */
  readonly signal: AbortSignal;
}

function fieldsOf(
  { requestId, extraHeaders }: ReplyContext,
  reply: SurfaceReply,
  added: FlatHeaders,
): FlatHeaders {
  const fields: FlatHeaders = [];
  for (const name in reply.headers) if (!ownFields.has(name)) fields.push(name, reply.headers[name]!);
  const all = extraHeaders.length > 0 ? withOwnCors(fields, extraHeaders) : fields;
  all.push('x-request-id', requestId, ...added);
  return all;
}

/** An answer that comes piece by piece. */
class StreamedReply {
  readonly #context: ReplyContext;
  readonly #isSse: boolean;
  readonly #options: Pick<ReplyOptions, 'progress' | 'signal'>;
  #isAtEventEnd: boolean;

  constructor(context: ReplyContext, isSse: boolean, options: Pick<ReplyOptions, 'progress' | 'signal'>) {
    this.#context = context;
    this.#isSse = isSse;
    this.#isAtEventEnd = isSse;
    this.#options = options;
  }

  /** Does not wait for a source that goes on although the client has left. */
  async write(body: AsyncIterable<string | Uint8Array>): Promise<void> {
    const { signal } = this.#options;
    const source = body[Symbol.asyncIterator]();
    const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => onAbort(), { once: true });
    const pumped = this.#pump(source);
    await Promise.race([pumped, aborted]);
    if (!signal.aborted) return;
    // What it still throws is of no interest: its client has left.
    pumped.catch(() => undefined);
    source.return?.().catch(() => undefined);
  }

  async #pump(source: AsyncIterator<string | Uint8Array>): Promise<void> {
    const { res } = this.#context;
    const { signal, progress } = this.#options;
    try {
      for (;;) {
        const { done, value } = await source.next();
        if (signal.aborted) return;
        if (done) break;
        const bytes = typeof value === 'string' ? Buffer.from(value) : value;
        if (bytes.length === 0) continue;
        this.#isAtEventEnd = this.#isSse && isEventEnd(bytesOf(bytes), bytes.length);
        progress.onBytes(bytes.length, this.#isAtEventEnd);
        if (!res.write(bytes)) await drained(res);
        if (signal.aborted) return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toPilotlightError(thrown);
      cutAnswer(this.#context, error, this.#isAtEventEnd ? 'sse' : 'no');
      throw error;
    }
    res.end();
  }
}

function bytesOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Resolves when the client has taken enough, or left. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}

/** Nobody reads it: its source is told so. */
async function letGo(body: SurfaceReply['body']): Promise<void> {
  if (body === null || typeof body === 'string' || Buffer.isBuffer(body)) return;
  await body[Symbol.asyncIterator]().return?.();
}
