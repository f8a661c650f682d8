import type { Socket } from 'node:net';
import type { FlatHeaders } from '../forward/headers.ts';

/**
 * The seam between lanes and what stands behind them. A lane (http1/, http2/) knows one version of HTTP: it reads requests off
 * sockets, and does with each what its crossing says. A crossing decides: answered here, refused, let through, cut. Neither
 * knows the other's business.
 *
 *     client -> lane: LaneRequest -> Traffic.take -> Crossing: answer | forward | cut -> lane -> backend
 */

/** The head of a request as a lane read it; both versions look alike. */
export interface LaneHead {
  readonly version: '1.0' | '1.1' | '2';
  readonly method: string;
  /** Path and query as received; of a target in absolute form its path and query; `*` for OPTIONS. */
  readonly target: string;
  /** Host, or :authority; empty where HTTP/1.0 sent none. */
  readonly authority: string;
  /**
   * Name, value, name, value, ... in the order of arrival, names in lower case, values as latin1. With `host`, without
   * pseudo-fields. Fields of the hop itself (connection, te, ...) are in it: the lane leaves them out when it forwards.
   */
  readonly fields: FlatHeaders;
  /** Where the client is: its address and port as the socket tells them, and whether it came over TLS. */
  readonly peer: { readonly address: string; readonly port: number; readonly isTls: boolean };
  /** The protocol that an Upgrade asks for, in lower case; null: none. Always null in HTTP/2. */
  readonly upgrade: string | null;
  /** Bytes of the body: 0 = there is none, null = as many as come. */
  readonly bodyBytes: number | null;
}

/** The first value of a field; undefined: it is not there. `name` in lower case. */
export function fieldOf(fields: FlatHeaders, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}

/** A whole answer that needs no backend. content-length is added by the lane. */
export interface OwnAnswer {
  readonly status: number;
  readonly fields: FlatHeaders;
  readonly body: string | Buffer;
  /** Come after the body, where a status of gRPC follows a message. HTTP/2 only. */
  readonly trailers?: FlatHeaders;
}

/** What is sent to a backend: the lane drops fields of the hop, frames the body as it came and sets `host`. */
export interface Outbound {
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly target: string;
  /** Sent as `host` (`:authority`). */
  readonly authority: string;
  /** As `LaneHead.fields`; a `host` in it is not sent. */
  readonly fields: FlatHeaders;
  /** TLS to the backend. Default false. HTTP/2 only. */
  readonly isTls?: boolean;
  /** Limit of connecting, in milliseconds. Default, or 0: that of the lane. HTTP/2 only. */
  readonly connectMs?: number;
  /** Goes before what the lane has of the body: what `HeldRequest.read` gave away of it. HTTP/2 only. */
  readonly prefix?: readonly Buffer[];
}

/** What the lane offers for one request. Once `onEnd` was called, each of these does nothing. */
export interface LaneRequest {
  readonly head: LaneHead;
  /** Milliseconds of the clock when the head was complete. */
  readonly arrivedAtMs: number;
  /** Whether anything of an answer was sent: from then on only `cut` can end it. */
  readonly hasHead: boolean;
  /** Answers. An upload that is under way is read on for a bounded while, so that its sender sees the answer. */
  answer(answer: OwnAnswer): void;
  /** Sends it on. Until then the lane reads the body only as far as its memory allows, so that a departure is seen. Once only. */
  forward(outbound: Outbound): void;
  /**
   * What is held of the body so far, as it came: the framing of chunks is in it. Not to be changed. Absent in the lane of
   * HTTP/2, which holds nothing (`HeldRequest.read`).
   */
  held?(): readonly Buffer[];
  /** Begins the answer as an event stream, before the backend has answered, and writes `text` (SSE comments). */
  comment(text: string): void;
  /**
   * Ends it from this side, and the exchange with the backend with it. Nothing sent yet: `answer` is. A stream of events
   * at the end of an event: `event` is written. Then it is visibly cut: reset, RST_STREAM, never a clean end. Over HTTP/2
   * a trailers-only answer or trailers (`answer.fields` of a gRPC refusal) are a clean end and are sent as such.
   */
  cut(answer: OwnAnswer, event: string | null): void;
}

/** Told of a body that is read before it is known where it goes. Not called within a call of the crossing. */
export interface BodyReader {
  /** It is the reader's from now on: the lane keeps nothing of it. */
  onChunk(chunk: Buffer): void;
  /** That was all of the body. Not told after `pause`. */
  onEnd(): void;
}

/**
 * What the lane of HTTP/2 offers beyond, where a body need not be read for a departure to be seen. Without `read` nothing is
 * read before `forward`, and of what the client sends no more than the stream's window comes.
 */
export interface HeldRequest extends LaneRequest {
  /** Whether all of the body came: from then on it is the backend's turn. */
  readonly isUploaded: boolean;
  /** Gives the body to `reader`, until `pause`, `forward` or the end. */
  read(reader: BodyReader): void;
  /** What was not read yet stays in the stream. */
  pause(): void;
  /** As `forward`, to somebody else than a backend of HTTP/2. */
  forwardBy(begin: (sink: AnswerSink) => AnswerSource): void;
}

/** Who answers a request that `forwardBy` gave away. */
export interface AnswerSource {
  /** The client takes more, after `AnswerSink.onBytes` was false. */
  resume(): void;
  /** No more of it is wanted. Called at its end as well. */
  leave(): void;
}

/** Where an `AnswerSource` gets the body and puts its answer; it begins no sooner than the tick after it was made. */
export interface AnswerSink {
  readonly body: { read(reader: BodyReader): void; pause(): void };
  onInformation(status: number, fields: FlatHeaders): void;
  /** Names in lower case. `isLast`: nothing follows, not even `onAnswered`'s end of a body. */
  onHead(status: number, fields: FlatHeaders, isLast: boolean): void;
  /** False: no more until `resume`. */
  onBytes(bytes: Buffer): boolean;
  onAnswered(trailers: FlatHeaders | null): void;
  /** `isSent`, `hasTaken`: the request was begun with, and of its body something is gone. `code` 0. */
  onBroken(
    cause: Error,
    failure: { readonly isSent: boolean; readonly hasTaken: boolean; readonly code: number },
  ): void;
}

/**
 * How a request ended.
 *
 * | end | what is known | the client has |
 * |---|---|---|
 * | answered | the body and its trailers were passed on | the whole answer |
 * | own | `answer` was used | that |
 * | cut | `cut` was used | what it says there |
 * | gone | the client left | - |
 * | unreachable | no connection to the backend: nothing was sent | what the crossing answers |
 * | reset | the backend broke off, or said what is no HTTP | what the crossing answers, or a cut answer |
 */
export type LaneEnd = 'answered' | 'own' | 'cut' | 'gone' | 'unreachable' | 'reset';

/** What is told of one request, in order. The lane never calls back within a call of the crossing, but for `onEnd`. */
export interface Crossing {
  /** The backend's final head came; what is returned is passed on in place of `fields` (the same array as a rule). */
  onHead(status: number, fields: FlatHeaders): FlatHeaders;
  /** Bytes of the answer's body as they pass (for an upgrade: either way), without framing. Must not be kept: copy. */
  onBytes(bytes: Buffer): void;
  /** Bytes of the request's body as they pass to the backend. */
  onUpload(bytes: number): void;
  /**
   * The backend could not be reached (`isSent` false) or broke off, and nothing of an answer was sent: what the client gets.
   * It is a request's last chance to be answered; there is no second try.
   */
  onBroken(cause: Error, isSent: boolean): OwnAnswer;
  /**
   * Asked before `onBroken` where there was no connection and nothing was taken from the stream: true takes the request
   * back, which is forwarded again or answered later. Absent: there is no second try. HTTP/2 only.
   */
  takesBack?(cause: Error): boolean;
  /** The error event for a stream that the backend broke off at the end of an event; null: none. */
  brokenEvent(cause: Error): string | null;
  /** Exactly once, whatever happened, and last: slots are given back here. */
  onEnd(end: LaneEnd): void;
}

/** What stands behind a lane of HTTP/2; a `Traffic` is one. */
export interface HeldTraffic {
  /** As `Traffic.take`. */
  take(request: HeldRequest): Crossing;
}

/** What stands behind a listener. */
export interface Traffic {
  /** A request's head came: makes its crossing, which may act at once. Must not throw. */
  take(request: LaneRequest): Crossing;
}

/** A lane at work on the sockets that it is given. */
export interface Lane {
  /** Takes a connection whose first bytes were looked at and put back. */
  take(socket: Socket): void;
  /** No more requests: those under way end, connections close as they become idle. Resolves when none is left. */
  drain(): Promise<void>;
  /** Cuts everything. */
  close(): void;
}
