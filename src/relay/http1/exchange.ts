import type { FlatHeaders } from '../../forward/headers.ts';
import type { Crossing, LaneEnd, LaneRequest, Outbound, OwnAnswer } from '../traffic.ts';
import type { AnswerTeller } from './answer-body.ts';
import { AnswerPassage } from './answer-passage.ts';
import { BackendTurn, type TurnOwner } from './backend-turn.ts';
import type { ClientSocket } from './client-socket.ts';
import type { AfterExchange, ExchangeOwner, ExchangeParts } from './exchange-parts.ts';
import { ownAnswerBytes, plainAnswer } from './own-answer.ts';
import type { RequestHead } from './request-head.ts';
import type { TunnelEnd } from './tunnel.ts';
import { Upload } from './upload.ts';

/** So much of a body is read on behind an own answer, so that the connection can be kept. */
const maxSkippedBytes = 64 * 1024;

// What is under way  | client's bytes       | backend's bytes | over when
// waiting            | held                 | -               | answer, cut, the client is gone
// forwarded          | to the backend       | to the client   | both are whole; a side broke off
// answered           | to the backend, late | spoil it        | the upload is whole, or its time is up
// tunnel             | to the backend       | to the client   | both have ended
/** One request and its answer. */
export class Exchange implements LaneRequest, AnswerTeller, TurnOwner {
  readonly head: RequestHead;
  readonly arrivedAtMs: number;
  readonly #parts: ExchangeParts;
  readonly #client: ClientSocket;
  readonly #owner: ExchangeOwner;
  readonly #upload: Upload | null;
  #crossing: Crossing | null = null;
  /** What the crossing said while it was being made. */
  #early: (() => void) | null = null;
  #outbound: Outbound | null = null;
  #answer: AnswerPassage | null = null;
  #turn: BackendTurn | null = null;
  #isForwarded = false;
  /** Nothing is told any more. */
  isEnded = false;

  constructor(parts: ExchangeParts, client: ClientSocket, owner: ExchangeOwner, head: RequestHead) {
    this.#parts = parts;
    this.#owner = owner;
    this.#client = client;
    this.head = head;
    this.arrivedAtMs = parts.clock.nowMs();
    this.#upload = head.bodyBytes === 0 ? null : new Upload(head.bodyBytes, parts.budget);
  }

  get hasHead(): boolean {
    return this.#answer?.hasHead === true;
  }

  /** Makes its crossing. What came of the body with the head was given to `onClientBytes` before. */
  begin(): void {
    this.#crossing = this.#parts.traffic.take(this);
    if (this.#early !== null) this.#early();
    else if (this.#outbound !== null) {
      this.#start(this.#outbound);
      this.tellUpload();
    }
  }

  answer(answer: OwnAnswer): void {
    if (this.isEnded) return;
    if (this.#crossing === null) this.#early ??= () => this.answer(answer);
    else if (this.hasHead) this.#cutClient(null, 'own');
    else this.#sendOwn(answer, 'own');
  }

  forward(outbound: Outbound): void {
    if (this.isEnded || this.#isForwarded) return;
    this.#isForwarded = true;
    if (this.#crossing === null) this.#outbound = outbound;
    else this.#start(outbound);
  }

  held(): readonly Buffer[] {
    return this.#upload?.held ?? [];
  }

  comment(text: string): void {
    if (this.isEnded || this.head.method === 'HEAD') return;
    const answer = this.#passage();
    if (answer.head === null) answer.comment(text, new Date(this.#parts.clock.wallMs()).toUTCString());
  }

  cut(answer: OwnAnswer, event: string | null): void {
    if (this.isEnded) return;
    if (this.#crossing === null) this.#early ??= () => this.cut(answer, event);
    else if (this.hasHead) this.#cutClient(event, 'cut');
    else this.#sendOwn(answer, 'cut');
  }

  /** Bytes of the client, from `start`; the index behind those that belong to this exchange. */
  onClientBytes(bytes: Buffer, start: number): number {
    if (this.#turn !== null && this.#turn.tunnel !== null) {
      this.#turn.tunnel.fromClient(start === 0 ? bytes : bytes.subarray(start));
      return bytes.length;
    }
    const upload = this.#upload;
    if (upload === null || upload.isComplete) return start;
    const state = upload.read(bytes, start);
    if (state === 'malformed') {
      this.#refuseBody();
      return bytes.length;
    }
    if (state === 'full') this.#client.hold('body');
    this.tellUpload();
    if (upload.isComplete && this.#turn?.isAnswered === true) this.#finish();
    return upload.end;
  }

  /** The client's FIN: of a tunnel's direction, else it has left. */
  onClientEnd(): void {
    const tunnel = this.#turn?.tunnel;
    if (tunnel) tunnel.clientEnded();
    else this.onClientGone();
  }

  /** The client's connection is closed. */
  onClientGone(): void {
    const tunnel = this.#turn?.tunnel;
    if (tunnel) tunnel.clientClosed();
    else if (this.#turn?.isAnswered === true) this.onUploadLeft();
    else this.#end('gone', 'closed');
  }

  onClientDrain(): void {
    this.#turn?.onClientDrain();
  }

  /** Looks at its time limits. */
  check(nowMs: number): void {
    this.#turn?.check(nowMs);
  }

  onAnswerHead(status: number, fields: FlatHeaders): FlatHeaders | null {
    const passed = this.#crossing!.onHead(status, fields);
    return this.isEnded ? null : passed;
  }

  onAnswerBytes(bytes: Buffer): void {
    if (!this.isEnded) this.#crossing!.onBytes(bytes);
  }

  isLastAnswer(): boolean {
    return !this.head.isKeepAlive || this.#parts.isDraining() || this.#isBodyUnasked;
  }

  onAnswered(): void {
    if (this.#upload === null || this.#upload.isComplete) this.#finish();
    else if (this.#isBodyUnasked) this.onUploadLeft();
  }

  onUploadLeft(): void {
    this.#end('answered', 'linger');
  }

  onBroken(cause: Error, isSent: boolean): void {
    const end = isSent ? 'reset' : 'unreachable';
    if (this.hasHead) this.#cutClient(this.#crossing!.brokenEvent(cause), end);
    else {
      const answer = this.#crossing!.onBroken(cause, isSent);
      if (!this.isEnded) this.#sendOwn(answer, end);
    }
  }

  onTunnelEnd(end: TunnelEnd, cause: Error | null): void {
    if (end === 'whole') {
      this.#turn!.finish();
      this.#end('answered', 'linger');
      return;
    }
    this.#client.cut(null, end === 'client' || cause !== null);
    this.#end(end === 'client' ? 'gone' : 'reset', 'closed');
  }

  takeAhead(): Buffer | null {
    return this.#owner.takeAhead();
  }

  tellUpload(): void {
    const bytes = this.#turn === null ? 0 : (this.#upload?.takePassedBytes() ?? 0);
    if (bytes > 0) this.#crossing!.onUpload(bytes);
  }

  /** The client waits for a 100 that does not come: whether its body follows all the same nobody can know. */
  get #isBodyUnasked(): boolean {
    return this.head.expectsContinue && !this.#upload!.hasBegun && this.#answer?.hasContinued !== true;
  }

  #passage(): AnswerPassage {
    this.#answer ??= new AnswerPassage(this.#client, this.head, this.#parts, this);
    return this.#answer;
  }

  #start(outbound: Outbound): void {
    const client = this.#client;
    const upload = this.#upload;
    const answer = this.#passage();
    this.#turn = new BackendTurn({
      owner: this,
      parts: this.#parts,
      client,
      head: this.head,
      upload,
      answer,
    });
    this.#turn.start(outbound);
  }

  #finish(): void {
    this.#turn!.release();
    this.#end('answered', this.#answer!.isClosing ? 'linger' : 'keep');
  }

  #refuseBody(): void {
    if (this.hasHead) this.#cutClient(null, 'gone');
    else this.#sendOwn(plainAnswer(400, 'the body of the request is malformed'), 'gone');
  }

  /** Ends an answer that has begun, so that it is seen to be cut. */
  #cutClient(event: string | null, end: LaneEnd): void {
    if (this.isEnded) return;
    const answer = this.#answer!;
    const frame = event === null ? null : answer.eventFrame(event);
    const last = frame === null ? null : Buffer.from(frame).toString('latin1');
    this.#client.cut(last, answer.isUnframed || this.#turn?.tunnel != null);
    this.#end(end, 'closed');
  }

  #sendOwn(answer: OwnAnswer, end: LaneEnd): void {
    const unread = this.#upload === null ? 0 : this.#upload.unreadBytes;
    const isClosing = this.isLastAnswer() || unread === null || unread > maxSkippedBytes;
    const isHead = this.head.method === 'HEAD';
    const wallMs = this.#parts.clock.wallMs();
    this.#client.writeBytes(ownAnswerBytes(answer, { wallMs, isHead, isClosing }));
    this.#end(end, isClosing ? 'linger' : 'keep', isClosing ? 0 : unread);
  }

  /** The only way out: after it nothing is told any more. */
  #end(end: LaneEnd, after: AfterExchange, unreadBytes = 0): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#turn?.drop();
    this.#upload?.discard();
    this.#crossing?.onEnd(end);
    this.#owner.exchangeDone(after, unreadBytes);
  }
}
