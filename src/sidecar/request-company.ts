import type { WaitState } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { fieldOf, type LaneRequest, type Outbound } from '../relay/traffic.ts';
import type { AnswerEars } from './model/answer-ears.ts';
import type { WaitComments } from './model/wait-comments.ts';
import type { RequestTrace, TraceEnd } from './trace/request-trace.ts';

/** What may go along with a request; each is null where it is off. */
export interface CompanyParts {
  readonly trace: RequestTrace | null;
  readonly ears: AnswerEars | null;
  /** Begins the comments to one who waits. */
  readonly comment: ((request: LaneRequest, state: () => WaitState) => WaitComments) | null;
}

/**
 * What goes along with one request where more is asked for than the limit, the time-outs and the metrics: its spans, who
 * listens to its answer, and comments while it waits. A sidecar without any of it makes none.
 */
export class RequestCompany {
  readonly #request: LaneRequest;
  readonly #trace: RequestTrace | null;
  readonly #ears: AnswerEars | null;
  readonly #comment: CompanyParts['comment'];
  #comments: WaitComments | null = null;

  constructor(request: LaneRequest, { trace, ears, comment }: CompanyParts) {
    this.#request = request;
    this.#trace = trace;
    this.#ears = ears;
    this.#comment = comment;
  }

  /** It asks for a slot. */
  asks(): void {
    this.#trace?.waiting();
  }

  /** There is none for it yet. */
  waits(state: () => WaitState): void {
    this.#comments = this.#comment?.(this.#request, state) ?? null;
  }

  /** It waits no more, whatever comes of it. */
  waitsNoMore(): void {
    this.#comments?.stop();
    this.#trace?.admitted();
  }

  /** It has its slot, and goes to the app: what is sent. */
  goes(outbound: Outbound, nowMs: number): Outbound {
    this.waitsNoMore();
    this.#ears?.onGranted(nowMs);
    const fields = this.#trace?.sent(outbound.fields) ?? outbound.fields;
    const comments = this.#comments;
    if (comments === null) return { ...outbound, fields };
    return { ...outbound, fields: comments.toApp(fields), prefix: comments.prefix };
  }

  /** The app's head; false: it cannot follow the comments that began an answer. */
  onHead(status: number, fields: FlatHeaders): boolean {
    this.#trace?.headed(status);
    this.#ears?.onHead(status, fields);
    return this.#comments === null || !this.#request.hasHead || isEventStream(status, fields);
  }

  onBytes(bytes: Buffer, nowMs: number): void {
    this.#ears?.onBytes(bytes, nowMs);
  }

  /** The app could not be reached, or broke off. */
  onBroken(cause: Error): void {
    this.#trace?.broken(cause);
  }

  /** It is over; `isWhole`: all of the app's answer was passed on. */
  ended(isWhole: boolean, end: TraceEnd): void {
    this.waitsNoMore();
    if (isWhole) this.#ears?.onAnswered();
    this.#trace?.ended(end);
  }
}

function isEventStream(status: number, fields: FlatHeaders): boolean {
  const isPlain = fieldOf(fields, 'content-encoding') === undefined;
  return (
    status === 200 && isPlain && fieldOf(fields, 'content-type')?.startsWith('text/event-stream') === true
  );
}
