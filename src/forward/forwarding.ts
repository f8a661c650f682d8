import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Answer } from './answer.ts';
import type { Attempt } from './attempt.ts';
import { brokenBackend } from './broken-backend.ts';
import { Doubt } from './doubt.ts';
import { type AnswerHead, answerHead, type ParsedFields } from './headers.ts';
import type { RelaySink, Tap, TapHandler } from './tap.ts';
import type { Tunnel } from './tunnel.ts';
import type { Watchdog, Watched } from './watchdog.ts';

/**
 * How an attempt at a replica ended; told exactly once.
 * | end | what is known | the client has |
 * |---|---|---|
 * | answered | the body ended | the whole answer |
 * | refused | no byte of the request was written | nothing |
 * | loading | the replica says it is not ready | nothing |
 * | failed | the error says it | nothing yet, or a cut answer when `isCut` |
 * | gone | the client left | - |
 */
export type ForwardEnd =
  | { readonly kind: 'answered' | 'loading' | 'gone' }
  | { readonly kind: 'refused'; readonly cause: Error }
  | { readonly kind: 'failed'; readonly error: PilotlightError; readonly isCut: boolean };

/** Whose request it is. */
export interface ForwardOwner {
  /** The head of the answer came. */
  onHead(nowMs: number): void;
  /** Bytes of the answer's body came, `gapMs` after the ones before; null: they are the first. */
  onBytes(nowMs: number, gapMs: number | null): void;
  onForwardEnd(end: ForwardEnd): void;
}

/** What all attempts of a request share. */
export interface ForwardContext {
  readonly answer: Answer;
  readonly watchdog: Watchdog;
  readonly clock: Clock;
  readonly owner: ForwardOwner;
}

const defaultStreamFirstByteMs = 600_000;

/** Sends one request to one replica and its answer to the client: undici's handler, one object per attempt. */
export class Forwarding implements Dispatcher.DispatchHandler, TapHandler, RelaySink, Watched {
  readonly #attempt: Attempt;
  readonly #context: ForwardContext;
  /** Set by the pool before the request is written; null where answers cannot be relayed. */
  tap: Tap | null = null;
  slot = -1;
  readonly #startedAtMs: number;
  #lastByteAtMs: number;
  #controller: Dispatcher.DispatchController | null = null;
  #isWritten = false;
  #tunnel: Tunnel | null = null;
  #hasHead = false;
  #hasBytes = false;
  #isDone = false;
  /** The 503 that may mean "loading": kept back until that is known. */
  #doubt: Doubt | null = null;

  constructor(attempt: Attempt, context: ForwardContext, nowMs: number) {
    this.#attempt = attempt;
    this.#context = context;
    this.#startedAtMs = nowMs;
    this.#lastByteAtMs = nowMs;
  }

  /** Sends it. Every outcome, also a synchronous one, is told through `onForwardEnd`. */
  start(): void {
    const { pool, method, path, headers, body, isUpgrade } = this.#attempt;
    this.#context.watchdog.add(this);
    const request = { method: method as Dispatcher.HttpMethod, path, headers, body: body as Buffer };
    pool.dispatch(isUpgrade ? { ...request, upgrade: 'websocket' } : request, this);
  }

  /** The client left, or the gateway ends: the upstream connection is cut. */
  abort(): void {
    this.#finish({ kind: 'gone' });
    this.#cutBackend(new Error('client gone'));
  }

  #cutBackend(reason: Error): void {
    if (this.#tunnel === null) this.#controller?.abort(reason);
    else this.#tunnel.destroy();
  }

  check(nowMs: number): void {
    const { timeouts, isStream } = this.#attempt;
    const firstByteMs = timeouts.firstByteMs ?? (isStream ? defaultStreamFirstByteMs : timeouts.totalMs);
    const isPast = (limitMs: number, sinceMs: number) => limitMs > 0 && nowMs - sinceMs > limitMs;
    if (isPast(timeouts.totalMs, this.#attempt.arrivedAtMs)) this.#timeOut('total', timeouts.totalMs);
    else if (!this.#hasHead && isPast(firstByteMs, this.#startedAtMs))
      this.#timeOut('firstByte', firstByteMs);
    else if (this.#hasHead && isPast(timeouts.idleMs, this.#lastByteAtMs))
      this.#timeOut('idle', timeouts.idleMs);
  }

  #timeOut(name: string, limitMs: number): void {
    const error = new PilotlightError(
      'backend_timeout',
      `backend timed out: timeouts.${name} is ${limitMs} ms`,
    );
    this.#fail(error);
    this.#cutBackend(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isDone) controller.abort(new Error('client gone'));
    else this.#isWritten = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    parsed: ParsedFields,
    statusText = '',
  ): void {
    if (this.#isDone) return;
    const head = answerHead(status, statusText, parsed);
    if (status < 200) this.#context.answer.interim(status, head.fields);
    else if (status === 503 && this.#attempt.loading !== '') {
      this.#doubt = new Doubt(head, this.#attempt.loading);
    } else this.#head(head);
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    parsed: ParsedFields,
    socket: Duplex,
  ): void {
    if (this.#isDone) {
      socket.destroy();
      return;
    }
    const { answer, clock, owner } = this.#context;
    this.#hasHead = true;
    this.#lastByteAtMs = clock.nowMs();
    owner.onHead(this.#lastByteAtMs);
    this.#tunnel = answer.line!.tunnel(answerHead(status, '', parsed), socket as Socket, {
      onBytes: () => this.#heard(),
      onEnd: (by) => this.#finish({ kind: by === 'backend' ? 'answered' : 'gone' }),
    });
  }

  #heard(): void {
    const { clock, owner } = this.#context;
    const nowMs = clock.nowMs();
    owner.onBytes(nowMs, this.#hasBytes ? nowMs - this.#lastByteAtMs : null);
    this.#hasBytes = true;
    this.#lastByteAtMs = nowMs;
  }

  #head(head: AnswerHead): void {
    const { answer, clock, owner } = this.#context;
    this.#hasHead = true;
    this.#lastByteAtMs = clock.nowMs();
    owner.onHead(this.#lastByteAtMs);
    answer.head(head);
    if (head.bodyBytes === null && answer.line?.canRelay) this.tap?.relayTo(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isDone) return;
    if (this.#doubt !== null) {
      if (!this.#doubt.keep(chunk)) this.#settleDoubt(this.#doubt);
      return;
    }
    this.#heard();
    if (!this.#context.answer.data(chunk)) {
      controller.pause();
      this.#context.answer.onDrain(() => controller.resume());
    }
    if (this.#context.answer.cutError !== null) this.#endCut();
  }

  /** Chunks that pass as they came, past the parser and without being framed anew. */
  relay(bytes: Buffer, length: number): boolean {
    if (this.#isDone) return true;
    this.#heard();
    const line = this.#context.answer.line!;
    if (line.relay(bytes, length)) return true;
    line.onRelayDrain(() => this.tap?.resume());
    return false;
  }

  /** It is an answer like any other. */
  #settleDoubt(doubt: Doubt): void {
    this.#doubt = null;
    this.#head(doubt.head);
    for (const chunk of doubt.chunks) if (!this.#isDone) this.#context.answer.data(chunk);
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[]>,
  ): void {
    if (this.#isDone) return;
    if (this.#doubt?.isLoading) {
      this.#finish({ kind: 'loading' });
      return;
    }
    if (this.#doubt !== null) this.#settleDoubt(this.#doubt);
    if (this.#isDone) return;
    this.#context.answer.end(trailers);
    if (this.#context.answer.cutError !== null) this.#endCut();
    else this.#finish({ kind: 'answered' });
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#isDone) return;
    if (!this.#isWritten) this.#finish({ kind: 'refused', cause });
    else this.#fail(brokenBackend(cause, this.#hasHead || this.#doubt !== null));
  }

  #endCut(): void {
    this.#finish({ kind: 'failed', error: this.#context.answer.cutError!, isCut: true });
    this.#controller?.abort(new Error('answer cannot be passed on'));
  }

  #fail(error: PilotlightError): void {
    const isCut = this.#context.answer.hasHead;
    if (isCut) this.#context.answer.cut(error);
    this.#finish({ kind: 'failed', error, isCut });
  }

  #finish(end: ForwardEnd): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#context.watchdog.delete(this);
    this.#context.owner.onForwardEnd(end);
  }
}
