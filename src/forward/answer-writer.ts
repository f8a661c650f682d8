import type { Socket } from 'node:net';
import type { PilotlightError } from '../core/errors.ts';
import type { WaitState } from '../core/protocol.ts';
import type { Answer, ClientLine, TunnelListener } from './answer.ts';
import { type AnswerTail, answerTailOf } from './answer-tail.ts';
import { isEventEnd } from './event-end.ts';
import { type AnswerHead, answerTrailers, type FlatHeaders, withOwnCors } from './headers.ts';
import { Misfit } from './misfit.ts';
import { cutAnswer, type ReplyContext, sendError } from './reply.ts';
import { timingComment } from './timings.ts';
import { switchingHead, Tunnel } from './tunnel.ts';

/** Adds what the gateway says of itself in every answer, at the moment when it begins. */
export interface AddedFields {
  appendTo(fields: FlatHeaders): void;
}

/** Up to here copying an answer's only chunk is cheaper than a write of two parts. */
const joinedBytes = 16 * 1024;

/**
 * Writes one answer to the client. The head is held back until the first bytes of a body of known length, so that
 * both leave in one write, and the last chunk ends the answer in the same one.
 */
export class AnswerWriter implements Answer, ClientLine {
  readonly #context: ReplyContext;
  readonly #added: AddedFields;
  #pending: AnswerHead | null = null;
  #expectedBytes: number | null = null;
  #bytes = 0;
  #isSse = false;
  #tail: AnswerTail | null = null;
  #misfit: Misfit | null = null;
  #isAtEventEnd = true;
  /** What was relayed last, framing included; empty: what came last came by `data`. */
  #relayed = '';
  #committed: 'no' | 'sse' | 'json' = 'no';
  #isBegun = false;
  /** Why a head could not be passed on after an early commit. */
  cutError: PilotlightError | null = null;

  constructor(context: ReplyContext, added: AddedFields) {
    this.#context = context;
    this.#added = added;
  }

  /** Whether bytes of an answer are on their way (a heartbeat's commit included). */
  get hasHead(): boolean {
    return this.#isBegun || this.#committed !== 'no';
  }

  get line(): ClientLine {
    return this;
  }

  /** Bytes of body passed on. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where its usage may be told; null: it is not one that tells any. */
  get tail(): AnswerTail | null {
    return this.#tail;
  }

  get isSse(): boolean {
    return this.#isSse;
  }

  /** Tells a waiting client that it is waited for; the first one commits the status to 200. */
  heartbeat(kind: 'sse' | 'json', state: WaitState): void {
    const { res, dialect, requestId, extraHeaders } = this.#context;
    if (this.#isBegun || res.destroyed) return;
    if (this.#committed === 'no') {
      const type = kind === 'sse' ? 'text/event-stream; charset=utf-8' : 'application/json';
      const fields = ['content-type', type, 'cache-control', 'no-cache', 'x-request-id', requestId];
      this.#committed = kind;
      res.writeHead(200, [...fields, ...extraHeaders]);
    }
    // A client that does not read gets no more: what it has not taken yet tells it enough.
    if (!res.writableNeedDrain) res.write(kind === 'sse' ? dialect.renderHeartbeat(state) : ' ');
  }

  head(head: AnswerHead): void {
    this.#isSse = !head.isEncoded && head.contentType.startsWith('text/event-stream');
    this.#expectedBytes = head.bodyBytes;
    this.#tail = answerTailOf(head);
    if (this.#committed !== 'no') {
      this.#joinCommitted(head);
      return;
    }
    this.#isBegun = true;
    const hasBody = this.#context.req.method !== 'HEAD' && head.status !== 204 && head.status !== 304;
    if (hasBody && head.bodyBytes !== null && head.bodyBytes > 0) this.#pending = head;
    else this.#writeHead(head);
  }

  #joinCommitted(head: AnswerHead): void {
    const isJson = !head.isEncoded && /json|^$/i.test(head.contentType);
    if (head.status === 200 && (this.#committed === 'sse' ? this.#isSse : isJson)) {
      this.#isBegun = true;
      this.#expectedBytes = null;
      if (this.#committed === 'sse') this.#context.res.write(timingComment(this.#addedFields()));
      return;
    }
    this.#misfit = new Misfit(head);
  }

  #cutMisfit(misfit: Misfit): void {
    this.cutError = misfit.error();
    this.cut(this.cutError);
  }

  #writeHead(head: AnswerHead): void {
    const { res, requestId, extraHeaders } = this.#context;
    const fields = extraHeaders.length > 0 ? withOwnCors(head.fields, extraHeaders) : head.fields;
    fields.push('x-request-id', requestId);
    this.#added.appendTo(fields);
    res.writeHead(head.status, head.statusText, fields);
    if (this.#pending === null && head.bodyBytes === null) res.flushHeaders();
    this.#pending = null;
  }

  #addedFields(): FlatHeaders {
    const fields: FlatHeaders = [];
    this.#added.appendTo(fields);
    return fields;
  }

  /** The backend switches protocols: the head goes to the client, and from now on bytes pass both ways. */
  tunnel(head: AnswerHead, backend: Socket, listener: TunnelListener): Tunnel {
    const { res, requestId, upgrade } = this.#context;
    this.#isBegun = true;
    res.statusCode = head.status;
    const fields = [...head.fields, 'x-request-id', requestId, ...this.#addedFields()];
    const onBytes = (bytes: number) => {
      this.#bytes += bytes;
      listener.onBytes();
    };
    const { onEnd } = listener;
    return new Tunnel({
      client: upgrade!,
      backend,
      head: switchingHead('websocket', fields),
      onBytes,
      onEnd,
    });
  }

  /** An interim answer (102, 103) that the backend sends ahead of its own; of others a proxy may drop any. */
  interim(status: number, fields: FlatHeaders): void {
    const { req, res } = this.#context;
    if (this.hasHead || req.httpVersionMinor === 0) return;
    if (status === 102) res.writeProcessing();
    if (status !== 103) return;
    const links = fields.filter((_value, index) => index % 2 === 1 && fields[index - 1] === 'link');
    try {
      if (links.length > 0) res.writeEarlyHints({ link: links });
    } catch {
      // A link that Node takes for malformed: the hint is dropped, the answer is not.
    }
  }

  /** False: wait for `onDrain` before the next. */
  data(chunk: Buffer): boolean {
    const { res } = this.#context;
    if (this.#misfit !== null) {
      if (!this.#misfit.keep(chunk)) this.#cutMisfit(this.#misfit);
      return true;
    }
    this.#bytes += chunk.length;
    this.#tail?.push(chunk);
    if (this.#pending !== null) this.#writeHead(this.#pending);
    if (this.#expectedBytes === this.#bytes) {
      // As a string it joins the head in one buffer, where Node would write a Buffer as a second part.
      if (chunk.length <= joinedBytes) res.end(chunk.toString('latin1'), 'latin1');
      else res.end(chunk);
      return true;
    }
    if (this.#isSse) this.#isAtEventEnd = isEventEnd(chunk, chunk.length);
    this.#relayed = '';
    return res.write(chunk);
  }

  /** Whether the client takes chunked framing as it comes: HTTP/1.1, and an answer that has a body. */
  get canRelay(): boolean {
    const { res } = this.#context;
    return res.headersSent && res.chunkedEncoding && res.socket !== null && this.#misfit === null;
  }

  /** Whole chunks with their framing, written past the response object. False: wait for `onRelayDrain`. */
  relay(bytes: Buffer, length: number): boolean {
    const { socket } = this.#context.res;
    if (socket === null) return true;
    this.#bytes += length;
    this.#relayed = bytes.toString('latin1', 0, length);
    this.#tail?.push(this.#relayed);
    return socket.write(this.#relayed, 'latin1');
  }

  onRelayDrain(resume: () => void): void {
    this.#context.res.socket?.once('drain', resume);
  }

  onDrain(resume: () => void): void {
    this.#context.res.once('drain', resume);
  }

  end(trailers: Record<string, string | string[]>): void {
    const { res } = this.#context;
    if (this.#misfit !== null) this.#cutMisfit(this.#misfit);
    if (this.#pending !== null) this.#writeHead(this.#pending);
    if (res.writableEnded || this.cutError !== null) return;
    if (this.#expectedBytes === null) res.addTrailers(answerTrailers(trailers));
    res.end();
  }

  /** An error after the first byte: told where the framing allows it, and the connection is cut. */
  cut(error: PilotlightError): void {
    if (this.#pending !== null) {
      this.#pending = null;
      this.#isBegun = false;
      sendError(this.#context, error, this.#addedFields());
      return;
    }
    // Within an announced length the event's bytes would pass for the rest of the body.
    const isAtEnd = this.#relayed === '' ? this.#isAtEventEnd : isChunkAndEventEnd(this.#relayed);
    const mayTell = this.#isSse && isAtEnd && this.#expectedBytes === null;
    const isSse = this.#isBegun ? mayTell : this.#committed === 'sse';
    const isJson = !this.#isBegun && this.#committed === 'json';
    cutAnswer(this.#context, error, isSse ? 'sse' : isJson ? 'json' : 'no');
  }

  /** An error before any byte of the backend's answer: a whole error answer, or after a heartbeat its event. */
  fail(error: PilotlightError): void {
    if (this.hasHead) this.cut(error);
    else sendError(this.#context, error, this.#addedFields());
  }
}

/** Before the empty line must be a line of the event: the size line of a chunk that is a mere line end looks like one. */
function isChunkAndEventEnd(chunks: string): boolean {
  return /[^\r\n]\r?\n\r?\n\r\n$/.test(chunks) && !/(^|\n)[0-9a-f]+\r\n\r?\n\r\n$/i.test(chunks);
}
