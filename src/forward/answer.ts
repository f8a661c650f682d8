import type { Socket } from 'node:net';
import type { PilotlightError } from '../core/errors.ts';
import type { AnswerHead, FlatHeaders } from './headers.ts';
import type { Tunnel } from './tunnel.ts';

/** Where a backend's answer goes: to a client (AnswerWriter), or to the gateway itself (SinkAnswer). */
export interface Answer {
  /** Whether some of it is on its way: what fails now cuts it. */
  readonly hasHead: boolean;
  /** Why the answer could not be passed on although the backend gave it; null: it could. */
  readonly cutError: PilotlightError | null;
  /** The client's connection; null: there is none. */
  readonly line: ClientLine | null;
  /** An interim answer (102, 103) ahead of it. */
  interim(status: number, fields: FlatHeaders): void;
  head(head: AnswerHead): void;
  /** False: wait for `onDrain` before the next. */
  data(chunk: Buffer): boolean;
  onDrain(resume: () => void): void;
  end(trailers: Record<string, string | string[]>): void;
  /** An error after the first byte. */
  cut(error: PilotlightError): void;
}

/** What only a client's own connection takes. */
export interface ClientLine {
  /** Whether it takes chunked framing as it comes. */
  readonly canRelay: boolean;
  /** Whole chunks with their framing. False: wait for `onRelayDrain`. */
  relay(bytes: Buffer, length: number): boolean;
  onRelayDrain(resume: () => void): void;
  /** The backend switches protocols: from now on bytes pass both ways. */
  tunnel(head: AnswerHead, backend: Socket, listener: TunnelListener): Tunnel;
}

/** Told of what passes after a switch of protocols. */
export interface TunnelListener {
  onBytes(): void;
  /** `by` ended first; both are closed. */
  onEnd(by: 'client' | 'backend'): void;
}
