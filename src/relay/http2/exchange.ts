import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../core/clock.ts';
import type { FlatHeaders } from '../../forward/headers.ts';
import type {
  AnswerSink,
  AnswerSource,
  BodyReader,
  Crossing,
  HeldRequest,
  LaneEnd,
  LaneHead,
  Outbound,
  OwnAnswer,
} from '../traffic.ts';
import { AnswerStream } from './answer-stream.ts';
import type { Backends } from './backends.ts';
import { RequestBody } from './request-body.ts';
import { type Failure, Upstream, type UpstreamOwner } from './upstream.ts';

/** What an exchange needs of its lane. */
export interface ExchangeParts {
  readonly backends: Backends;
  readonly clock: Clock;
}

/** One stream of a client: its request, and what becomes of it. */
export class Exchange implements HeldRequest, UpstreamOwner, AnswerSink {
  readonly head: LaneHead;
  readonly arrivedAtMs: number;
  readonly body: RequestBody;
  readonly isHead: boolean;
  readonly #answer: AnswerStream;
  readonly #parts: ExchangeParts;
  #crossing: Crossing | null = null;
  #upstream: { resume(): void; leave(code: number | null): void } | null = null;
  #end: LaneEnd | null = null;

  constructor(stream: ServerHttp2Stream, head: LaneHead, parts: ExchangeParts) {
    this.head = head;
    this.arrivedAtMs = parts.clock.nowMs();
    this.isHead = head.method === 'HEAD';
    this.#parts = parts;
    this.#answer = new AnswerStream(stream, head, parts.clock);
    this.body = new RequestBody(stream, head.bodyBytes === 0);
    const onGone = () => this.#gone();
    stream.on('aborted', onGone);
    stream.on('close', onGone);
    stream.on('drain', () => this.#upstream?.resume());
  }

  get hasHead(): boolean {
    return this.#answer.hasHead;
  }

  get isUploaded(): boolean {
    return this.body.isComplete;
  }

  /** The crossing that `take` made; what happened while it was made is told to it now. */
  begin(crossing: Crossing): void {
    this.#crossing = crossing;
    if (this.#end !== null) crossing.onEnd(this.#end);
  }

  answer(answer: OwnAnswer): void {
    if (this.#end !== null || this.#answer.hasHead) return;
    this.#over('own', () => this.#answer.sendOwn(answer));
  }

  forward(outbound: Outbound): void {
    if (this.#end !== null || this.#upstream !== null) return;
    this.body.pause();
    this.#upstream = new Upstream(outbound, this.#parts.backends, this);
  }

  forwardBy(begin: (sink: AnswerSink) => AnswerSource): void {
    if (this.#end !== null || this.#upstream !== null) return;
    this.body.pause();
    this.#upstream = begin(this);
  }

  read(reader: BodyReader): void {
    if (this.#end === null && this.#upstream === null) this.body.read(reader);
  }

  pause(): void {
    if (this.#end === null && this.#upstream === null) this.body.pause();
  }

  comment(text: string): void {
    if (this.#end === null) this.#answer.comment(text);
  }

  cut(answer: OwnAnswer, event: string | null): void {
    if (this.#end !== null) return;
    this.#over('cut', () => {
      if (this.#answer.hasHead) this.#answer.cut(answer, event);
      else this.#answer.sendOwn(answer);
    });
  }

  /** The lane is closed. */
  abandon(): void {
    if (this.#end === null) this.#over('cut', () => this.#answer.reset());
  }

  onUpload(bytes: number): void {
    this.#crossing!.onUpload(bytes);
  }

  onInformation(status: number, fields: FlatHeaders): void {
    this.#answer.inform(status, fields);
  }

  onHead(status: number, fields: FlatHeaders, isLast: boolean): void {
    const passed = this.#crossing!.onHead(status, fields);
    if (this.#end !== null) return;
    const misfit = this.#answer.begin(status, passed, isLast);
    if (misfit !== null) this.onBroken(misfit, { isSent: true, hasTaken: true, code: 0 });
  }

  onBytes(bytes: Buffer): boolean {
    this.#crossing!.onBytes(bytes);
    return this.#end !== null || this.#answer.write(bytes);
  }

  onAnswered(trailers: FlatHeaders | null): void {
    this.#over('answered', () => this.#answer.finish(trailers));
  }

  onBroken(cause: Error, { isSent, hasTaken, code }: Failure): void {
    const crossing = this.#crossing!;
    if (!isSent && !hasTaken && crossing.takesBack?.(cause) === true) {
      this.#upstream = null;
      return;
    }
    if (this.#end !== null) return;
    const end = isSent ? 'reset' : 'unreachable';
    if (this.#answer.hasHead) {
      const event = this.#answer.isBetweenEvents ? crossing.brokenEvent(cause) : null;
      this.#over(end, () => this.#answer.breakOff(event, code));
    } else {
      const answer = crossing.onBroken(cause, isSent);
      this.#over(end, () => this.#answer.sendOwn(answer));
    }
  }

  #gone(): void {
    if (this.#end === null) this.#over('gone', null);
  }

  /** The one way out. What is done to the stream makes it tell its own end, which is of no interest then. */
  #over(end: LaneEnd, act: (() => void) | null): void {
    if (this.#end !== null) return;
    this.#end = end;
    const code = end === 'gone' ? this.#answer.resetCode : null;
    const isAtWork = this.#upstream?.leave(code) ?? false;
    this.body.discard();
    act?.();
    // A slot is given back behind the reset: the next request must not reach the backend before it.
    if (isAtWork) setImmediate(() => this.#crossing!.onEnd(end));
    else this.#crossing?.onEnd(end);
  }
}
