import type { FlatHeaders } from '../../forward/headers.ts';
import { AnswerBody, type AnswerTeller, type AnswerWrap, chunkOf } from './answer-body.ts';
import { ByteStore, findHead, type HeadText } from './byte-store.ts';
import type { ClientWriter } from './client-writer.ts';
import { answerText } from './head-text.ts';
import type { RequestHead } from './request-head.ts';
import { type ResponseHead, readResponseHead } from './response-head.ts';

/** Where an answer stands: under way, over, not to be understood, or the connection now speaks another protocol. */
export type AnswerState = 'open' | 'done' | 'broken' | 'switched';

/** Limits of an answer's head. */
export interface AnswerLimits {
  readonly maxHeadBytes: number;
  readonly maxFields: number;
}

/** Reads a backend's answer, interim ones before it, and passes it on. */
export class AnswerPassage {
  readonly #client: ClientWriter;
  readonly #request: RequestHead;
  readonly #limits: AnswerLimits;
  readonly #teller: AnswerTeller;
  #store: ByteStore | null = null;
  #body: AnswerBody | null = null;
  #head: ResponseHead | null = null;
  #interims = 0;
  /** A comment began the answer: it is an event stream in chunks of our own (bare for HTTP/1.0). */
  #isCommented = false;
  /** The client was told that its connection ends with this answer, or is by the lack of any framing. */
  isClosing = false;
  /** Something of the answer itself was written. */
  hasHead = false;
  /** A 100 was passed on. */
  hasContinued = false;
  /** What is wrong, when `broken`. */
  fault = '';
  /** With `done` and `switched`: what came behind the answer. Gone after the call that brought it. */
  rest: Buffer | null = null;

  constructor(client: ClientWriter, request: RequestHead, limits: AnswerLimits, teller: AnswerTeller) {
    this.#client = client;
    this.#request = request;
    this.#limits = limits;
    this.#teller = teller;
  }

  /** The backend's head; null: it did not come yet. */
  get head(): ResponseHead | null {
    return this.#head;
  }

  /** The body ends with the backend's connection. */
  get endsWithConnection(): boolean {
    return this.#body?.endsWithConnection === true;
  }

  /** Nobody could tell a cut answer from a whole one by its framing. */
  get isUnframed(): boolean {
    if (this.#isCommented) return this.#request.version === '1.0';
    return this.#head !== null && this.hasHead && this.#wrapOf(this.#head) === 'bare';
  }

  /** Reads `bytes` from 0 to `length`. */
  read(bytes: Buffer, length: number): AnswerState {
    if (this.#body !== null) return this.#pass('', bytes, 0, length);
    let from = 0;
    if (this.#store !== null) {
      from = Math.max(0, this.#store.length - 3);
      this.#store.append(bytes.subarray(0, length));
      bytes = this.#store.view();
      length = bytes.length;
    }
    let at = 0;
    for (;;) {
      const found = at === length ? null : findHead(bytes, at, length, Math.max(at, from));
      if (found === null) return this.#keep(bytes, at, length);
      const headEnd = at + found.end + 2;
      const state = this.#take(found, bytes, headEnd, length);
      if (state !== null) return state;
      at = headEnd;
    }
  }

  #keep(bytes: Buffer, at: number, length: number): AnswerState {
    const { maxHeadBytes } = this.#limits;
    if (length - at > maxHeadBytes)
      return this.#break(`the head of the answer is above ${maxHeadBytes} bytes`);
    if (at > 0 || this.#store === null) {
      this.#store = null;
      if (at === length) return 'open';
      this.#store = new ByteStore();
      this.#store.append(bytes.subarray(at, length));
    }
    return 'open';
  }

  #break(fault: string): AnswerState {
    this.fault = fault;
    return 'broken';
  }

  /** Null: that was an interim answer. */
  #take({ text, end }: HeadText, bytes: Buffer, headEnd: number, length: number): AnswerState | null {
    const { maxFields, maxHeadBytes } = this.#limits;
    if (end > maxHeadBytes) return this.#break(`the head of the answer is above ${maxHeadBytes} bytes`);
    const head = readResponseHead(text, 0, end, { method: this.#request.method, maxFields });
    if (typeof head === 'string') return this.#break(head);
    if (head.status === 101) return this.#switch(head, bytes, headEnd, length);
    if (head.status < 200) return this.#interim(head);
    this.#store = null;
    this.#head = head;
    const fields = this.#teller.onAnswerHead(head.status, head.fields);
    if (fields === null) return 'open';
    return this.#isCommented
      ? this.#join(head, bytes, headEnd, length)
      : this.#begin(head, fields, bytes, headEnd, length);
  }

  #interim(head: ResponseHead): AnswerState | null {
    if (++this.#interims > 100) return this.#break('more than 100 interim answers');
    if (this.#isCommented || this.#request.version === '1.0') return null;
    if (head.status === 100) this.hasContinued = true;
    this.#client.writeText(answerText(head, head.fields, '', false));
    return null;
  }

  #switch(head: ResponseHead, bytes: Buffer, headEnd: number, length: number): AnswerState {
    if (this.#request.upgrade === null || this.#isCommented)
      return this.#break('a switch of protocols nobody asked for');
    if (head.upgrade !== this.#request.upgrade)
      return this.#break(`switched to ${head.upgrade}, not ${this.#request.upgrade}`);
    this.#head = head;
    const fields = this.#teller.onAnswerHead(101, head.fields);
    if (fields === null) return 'open';
    this.hasHead = true;
    this.isClosing = true;
    this.#client.writeText(
      answerText(head, fields, `connection: upgrade\r\nupgrade: ${this.#request.upgrade}\r\n`, false),
    );
    if (headEnd < length) this.rest = bytes.subarray(headEnd, length);
    return 'switched';
  }

  #begin(head: ResponseHead, fields: FlatHeaders, bytes: Buffer, start: number, length: number): AnswerState {
    const wrap = this.#wrapOf(head);
    this.isClosing = wrap === 'bare' || this.#teller.isLastAnswer();
    this.hasHead = true;
    const isChunked = wrap === 'chunks' || (wrap === 'same' && head.framing === 'chunked');
    const text = answerText(head, fields, isChunked ? 'transfer-encoding: chunked\r\n' : '', this.isClosing);
    this.#open(head, wrap);
    return this.#pass(text, bytes, start, length);
  }

  /** After a comment only a stream of events can follow. */
  #join(head: ResponseHead, bytes: Buffer, start: number, length: number): AnswerState {
    const isEvents = head.status === 200 && isEventStream(head) && !head.isEncoded;
    if (!isEvents)
      return this.#break(`the app answered ${head.statusText} after a stream of events had begun`);
    this.#open(head, this.#wrapOf(head));
    return this.#pass('', bytes, start, length);
  }

  #wrapOf({ framing }: ResponseHead): AnswerWrap {
    const isOld = this.#request.version === '1.0';
    if (this.#isCommented) return isOld ? 'bare' : framing === 'chunked' ? 'same' : 'chunks';
    if (framing === 'close') return isOld ? 'bare' : 'chunks';
    return framing === 'chunked' && isOld ? 'bare' : 'same';
  }

  #open(head: ResponseHead, wrap: AnswerWrap): void {
    this.#body = new AnswerBody(this.#client, head, wrap, this.#teller);
  }

  #pass(head: string, bytes: Buffer, start: number, length: number): AnswerState {
    const body = this.#body!;
    const state = body.read(head, bytes, start, length);
    if (state === 'done' && body.end < length) this.rest = bytes.subarray(body.end, length);
    return state === 'broken' ? this.#break('a chunk of the answer is malformed') : state;
  }

  /** The backend's connection ended in order: whether that is the end of the answer. */
  finish(): boolean {
    if (!this.endsWithConnection) return false;
    this.#body!.finish();
    return true;
  }

  /** Begins the answer as a stream of events, and writes `text`. */
  comment(text: string, date: string): void {
    const isOld = this.#request.version === '1.0';
    let out = isOld ? text : chunkOf(text);
    if (!this.hasHead) {
      this.hasHead = true;
      this.#isCommented = true;
      this.isClosing = isOld || this.#teller.isLastAnswer();
      const fields = `content-type: text/event-stream\r\ncache-control: no-cache\r\ndate: ${date}\r\n`;
      const framing = isOld ? '' : 'transfer-encoding: chunked\r\n';
      const closing = this.isClosing ? 'connection: close\r\n' : '';
      out = `HTTP/1.1 200 OK\r\n${fields}${framing}${closing}\r\n${out}`;
    }
    this.#client.writeText(Buffer.from(out).toString('latin1'));
  }

  /** `event` as it can be written now; null: what was written is no stream of events, or one that stands within an event. */
  eventFrame(event: string): string | null {
    if (this.#body === null) {
      if (!this.#isCommented) return null;
      return this.#request.version === '1.0' ? event : chunkOf(event);
    }
    if (!this.#isCommented && (this.#head === null || !isEventStream(this.#head) || this.#head.isEncoded))
      return null;
    return this.#body.eventFrame(event);
  }
}

function isEventStream({ contentType }: ResponseHead): boolean {
  return /^text\/event-stream\s*(;|$)/i.test(contentType);
}
