import type { Outbound } from '../traffic.ts';
import type { AnswerPassage } from './answer-passage.ts';
import type { BackendConnection, BackendUser } from './backend-connection.ts';
import type { ClientSocket } from './client-socket.ts';
import type { ExchangeParts } from './exchange-parts.ts';
import { requestText } from './head-text.ts';
import type { RequestHead } from './request-head.ts';
import { Tunnel, type TunnelEnd } from './tunnel.ts';
import type { Upload } from './upload.ts';

/** Whose turn it is. */
export interface TurnOwner {
  /** Nothing is told any more. */
  readonly isEnded: boolean;
  /** What the client sent beyond its request. */
  takeAhead(): Buffer | null;
  /** Asked at each event, since what was sent before is told only now. */
  tellUpload(): void;
  /** As `Crossing.onBytes`, of a tunnel. */
  onAnswerBytes(bytes: Buffer): void;
  /** The answer was passed on as a whole. */
  onAnswered(): void;
  /** The answer is over and the backend hangs up, or its time is up, while the upload is still under way. */
  onUploadLeft(): void;
  /** The backend broke off, or said what is no HTTP; not `isSent`: there was no connection. */
  onBroken(cause: Error, isSent: boolean): void;
  onTunnelEnd(end: TunnelEnd, cause: Error | null): void;
}

/** What a turn is made of. */
export interface BackendTurnOptions {
  readonly owner: TurnOwner;
  readonly parts: ExchangeParts;
  readonly client: ClientSocket;
  readonly head: RequestHead;
  readonly upload: Upload | null;
  readonly answer: AnswerPassage;
}

/** An exchange's time with a connection to the backend. */
export class BackendTurn implements BackendUser {
  readonly #options: BackendTurnOptions;
  #connection: BackendConnection | null = null;
  #isSpoiled = false;
  /** When that was first noticed; -1: not yet. */
  #answeredAtMs = -1;
  /** The answer was passed on as a whole. */
  isAnswered = false;
  /** Once the protocol was switched. */
  tunnel: Tunnel | null = null;

  constructor(options: BackendTurnOptions) {
    this.#options = options;
  }

  /** Sends the request, as far as it has come. */
  start(outbound: Outbound): void {
    const { parts, head, upload, client } = this.#options;
    const connection = parts.pool.acquire(outbound.host, outbound.port, this);
    this.#connection = connection;
    const text = requestText(outbound, head);
    const isFree = upload === null ? connection.write(text) : upload.start(text, connection);
    if (isFree) client.unhold('body');
    else client.hold('body');
  }

  onBackendBytes(bytes: Buffer, length: number): boolean {
    const { owner, answer, client } = this.#options;
    if (this.tunnel !== null) return this.tunnel.fromBackend(bytes, 0, length);
    owner.tellUpload();
    if (owner.isEnded) return true;
    if (this.isAnswered) {
      this.#isSpoiled = true;
      return true;
    }
    const state = answer.read(bytes, length);
    if (owner.isEnded) return true;
    if (state === 'done') {
      this.#isSpoiled = answer.rest !== null;
      this.#answered();
    } else if (state === 'broken') this.#break(new Error(answer.fault));
    else if (state === 'switched') this.#switch();
    return owner.isEnded || !client.isFull;
  }

  onBackendDrain(): void {
    if (this.tunnel !== null) this.tunnel.onBackendDrain();
    else this.#options.client.unhold('body');
  }

  onBackendEnd(): void {
    if (this.tunnel !== null) this.tunnel.backendEnded();
    else if (this.isAnswered) this.#options.owner.onUploadLeft();
    else if (this.#options.answer.finish()) {
      this.#isSpoiled = true;
      this.#answered();
    } else this.#break(new Error('the app closed the connection before the end of its answer'));
  }

  onBackendClose(cause: Error | null): void {
    if (this.tunnel !== null) this.tunnel.backendClosed(cause);
    else if (this.isAnswered) this.#options.owner.onUploadLeft();
    else this.#break(cause ?? new Error('the connection to the app was closed'));
  }

  /** Looks at its time limits. */
  check(nowMs: number): void {
    const { owner, parts } = this.#options;
    if (this.tunnel !== null) this.tunnel.check(nowMs);
    else if (this.isAnswered) {
      if (this.#answeredAtMs === -1) this.#answeredAtMs = nowMs;
      else if (nowMs - this.#answeredAtMs >= parts.lateUploadMs) owner.onUploadLeft();
    }
  }

  onClientDrain(): void {
    this.#connection?.resume();
  }

  /** The exchange is over and in order: the connection waits for another, where it can. */
  release(): void {
    const head = this.#options.answer.head!;
    if (!head.isKeepAlive || this.#isSpoiled || this.#connection === null) return;
    this.#options.parts.pool.release(this.#connection, head.keepAliveMs);
    this.#connection = null;
  }

  /** Closes the connection once what was written to it has gone out. */
  finish(): void {
    this.#connection?.finish();
    this.#connection = null;
  }

  /** Closes what was not released. */
  drop(): void {
    this.tunnel?.stop();
    this.tunnel = null;
    this.#connection?.destroy();
    this.#connection = null;
  }

  #answered(): void {
    const { owner, upload } = this.#options;
    this.isAnswered = true;
    if (this.#connection?.isWriteBroken) this.#isSpoiled = true;
    if (this.#isSpoiled && upload?.isComplete === false) owner.onUploadLeft();
    else owner.onAnswered();
  }

  #break(cause: Error): void {
    const isSent = this.#connection!.isConnected;
    this.drop();
    this.#options.owner.onBroken(cause, isSent);
  }

  #switch(): void {
    const { owner, client, parts, answer } = this.#options;
    const tunnel = new Tunnel({
      client,
      backend: this.#connection!,
      halfOpenMs: parts.halfOpenMs,
      onBytes: (bytes) => owner.onAnswerBytes(bytes),
      onEnd: (end, cause) => owner.onTunnelEnd(end, cause),
    });
    this.tunnel = tunnel;
    if (answer.rest !== null) tunnel.fromBackend(answer.rest, 0, answer.rest.length);
    const ahead = owner.isEnded ? null : owner.takeAhead();
    if (ahead !== null) tunnel.fromClient(ahead);
  }
}
