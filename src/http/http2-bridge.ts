import { type ClientRequest, type IncomingMessage, request, type Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import type { FlatHeaders } from '../forward/headers.ts';
import type { AnswerSink, AnswerSource, BodyReader, LaneHead } from '../relay/traffic.ts';

/** RFC 9110, 7.6.1: fields that speak of one connection; `host` and the framing of the body are written anew. */
const ownFields = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'te',
  'expect',
  'upgrade',
]);

/** More than the head of any answer that the request port gives. */
const maxHeaderSize = 256 * 1024;

/**
 * A request over HTTP/2 as one over HTTP/1.1, on a connection within the process to the request port's own server: whatever is
 * served there is served in the same way to clients of HTTP/2, at the price of being read twice.
 */
export class Http2Bridge implements AnswerSource, BodyReader {
  readonly #sink: AnswerSink;
  readonly #request: ClientRequest;
  #response: IncomingMessage | null = null;
  #isOver = false;

  /** Throws where the head cannot be written as one of HTTP/1.1. */
  constructor(sink: AnswerSink, head: LaneHead, server: Server) {
    this.#sink = sink;
    const { method, target: path } = head;
    const connection = connectTo(server, head.peer);
    this.#request = request({
      ...{ method, path, maxHeaderSize },
      headers: requestFields(head),
      createConnection: () => connection,
    });
    this.#listen();
    process.nextTick(() => {
      if (head.bodyBytes === 0) this.#request.end();
      else if (!this.#isOver) sink.body.read(this);
    });
  }

  onChunk(chunk: Buffer): void {
    if (this.#isOver || this.#request.write(chunk)) return;
    this.#sink.body.pause();
    this.#request.once('drain', () => {
      if (!this.#isOver) this.#sink.body.read(this);
    });
  }

  onEnd(): void {
    this.#request.end();
  }

  resume(): void {
    this.#response?.resume();
  }

  leave(): void {
    this.#isOver = true;
    this.#request.destroy();
  }

  #listen(): void {
    const broken = (cause: Error) => {
      if (!this.#isOver) this.#sink.onBroken(cause, { isSent: true, hasTaken: true, code: 0 });
    };
    this.#request.on('error', broken);
    this.#request.on('information', ({ statusCode, rawHeaders }) => {
      if (!this.#isOver) this.#sink.onInformation(statusCode, lowerNames(rawHeaders));
    });
    this.#request.on('response', (response) => {
      if (this.#isOver) return;
      this.#response = response;
      this.#sink.onHead(response.statusCode!, lowerNames(response.rawHeaders), false);
      response.on('data', (bytes: Buffer) => {
        if (!this.#isOver && !this.#sink.onBytes(bytes)) response.pause();
      });
      response.on('error', broken);
      response.on('end', () => {
        const trailers = lowerNames(response.rawTrailers);
        if (!this.#isOver) this.#sink.onAnswered(trailers.length === 0 ? null : trailers);
      });
    });
  }
}

function requestFields({ fields, authority, bodyBytes }: LaneHead): FlatHeaders {
  const out: FlatHeaders = ['host', authority];
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (!ownFields.has(fields[i]!)) out.push(fields[i]!, fields[i + 1]!);
  if (bodyBytes === null) out.push('transfer-encoding', 'chunked');
  else if (bodyBytes > 0) out.push('content-length', String(bodyBytes));
  out.push('connection', 'close');
  return out;
}

function lowerNames(raw: readonly string[]): FlatHeaders {
  return raw.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));
}

/** One end of a connection of which the server has the other, and takes it for that of the client. */
function connectTo(server: Server, { address, port, isTls }: LaneHead['peer']): Duplex {
  // Node 26 tells a response that waits for `drain` nothing where its bytes came to the mark only together with those of its
  // head, and these were read meanwhile: at this mark every write has its drain.
  const [near, far] = duplexPair({ writableHighWaterMark: 1 });
  const destroySoon = () => far.end();
  Object.assign(far, { remoteAddress: address, remotePort: port, encrypted: isTls, destroySoon });
  near.on('error', () => undefined);
  far.on('error', () => undefined);
  near.on('close', () => far.destroy());
  // What was written to its end is read to its end; anything else is cut.
  far.on('close', () => {
    if (!far.writableFinished) near.destroy(new Error('the connection was cut'));
  });
  server.emit(isTls ? 'secureConnection' : 'connection', far);
  return near;
}
