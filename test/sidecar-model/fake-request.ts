import type { FlatHeaders } from '../../src/forward/headers.ts';
import type { BodyReader, HeldRequest, LaneHead, LaneRequest } from '../../src/relay/traffic.ts';

/** The head of a POST of JSON, unless told otherwise. */
export function headOf(parts: Partial<LaneHead> = {}, fields: FlatHeaders = []): LaneHead {
  return {
    version: '1.1',
    method: 'POST',
    target: '/v1/chat/completions',
    authority: 'app',
    fields: ['host', 'app', 'content-type', 'application/json', ...fields],
    peer: { address: '127.0.0.1', port: 40_000, isTls: false },
    upgrade: null,
    bodyBytes: 100,
    ...parts,
  };
}

/** A request that waits, and what its crossing did to it. */
class WaitingRequest {
  readonly head: LaneHead;
  readonly arrivedAtMs = 0;
  readonly hasHead = false;
  readonly comments: string[] = [];
  readonly done: string[] = [];

  constructor(head: LaneHead) {
    this.head = head;
  }

  comment(text: string): void {
    this.comments.push(text);
  }

  answer(): void {
    this.done.push('answer');
  }

  forward(): void {
    this.done.push('forward');
  }

  cut(): void {
    this.done.push('cut');
  }
}

/** One of HTTP/1.1, with what of its body is held; `come`: more of it does. */
export function heldBody(head: LaneHead, ...pieces: readonly (string | Buffer)[]) {
  const bytes = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece));
  return Object.assign(new WaitingRequest(head), {
    held: (): readonly Buffer[] => bytes,
    come: (piece: string): void => void bytes.push(Buffer.from(piece)),
  }) satisfies LaneRequest;
}

/** One of HTTP/2, of which nothing is read until somebody asks. */
export function unreadBody(head: LaneHead) {
  const readers: BodyReader[] = [];
  return Object.assign(new WaitingRequest(head), {
    isUploaded: false,
    /** Who reads; empty: nobody does. */
    readers,
    read: (reader: BodyReader): void => void readers.push(reader),
    pause: (): void => void readers.splice(0),
    forwardBy: (): void => void readers.splice(0),
  }) satisfies HeldRequest;
}
