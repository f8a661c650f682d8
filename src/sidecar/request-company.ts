import type { WaitState } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { fieldOf, type LaneRequest, type Outbound } from '../relay/traffic.ts';
import type { AnswerEars } from './model/answer-ears.ts';
import type { WaitComments } from './model/wait-comments.ts';

/** What may go along with a request; each is null where it is off. */
export interface CompanyParts {
  readonly ears: AnswerEars | null;
  /** Begins the comments to one who waits. */
  readonly comment: ((request: LaneRequest, state: () => WaitState) => WaitComments) | null;
}

/**
 * What goes along with one request where more is asked for than the limit, the time-outs and the metrics: who listens to its
 * answer, and comments while it waits. A sidecar without any of it makes none.
 */
export class RequestCompany {
  readonly #request: LaneRequest;
  readonly #ears: AnswerEars | null;
  readonly #comment: CompanyParts['comment'];
  #comments: WaitComments | null = null;

  constructor(request: LaneRequest, { ears, comment }: CompanyParts) {
    this.#request = request;
    this.#ears = ears;
    this.#comment = comment;
  }

  /** There is no slot for it yet. */
  waits(state: () => WaitState): void {
    this.#comments = this.#comment?.(this.#request, state) ?? null;
  }

  /** It waits no more, whatever comes of it. */
  waitsNoMore(): void {
    this.#comments?.stop();
  }

  /** It has its slot, and goes to the app: what is sent. */
  goes(outbound: Outbound, nowMs: number): Outbound {
    this.waitsNoMore();
    this.#ears?.onGranted(nowMs);
    const comments = this.#comments;
    if (comments === null) return outbound;
    return { ...outbound, fields: comments.toApp(outbound.fields), prefix: comments.prefix };
  }

  /** The app's head; false: it cannot follow the comments that began an answer. */
  onHead(status: number, fields: FlatHeaders): boolean {
    this.#ears?.onHead(status, fields);
    return this.#comments === null || !this.#request.hasHead || isEventStream(status, fields);
  }

  onBytes(bytes: Buffer, nowMs: number): void {
    this.#ears?.onBytes(bytes, nowMs);
  }

  /** It is over; `isWhole`: all of the app's answer was passed on. */
  ended(isWhole: boolean): void {
    this.waitsNoMore();
    if (isWhole) this.#ears?.onAnswered();
  }
}

function isEventStream(status: number, fields: FlatHeaders): boolean {
  const isPlain = fieldOf(fields, 'content-encoding') === undefined;
  return (
    status === 200 && isPlain && fieldOf(fields, 'content-type')?.startsWith('text/event-stream') === true
  );
}
