import type { FlatHeaders } from '../../src/forward/headers.ts';
import type {
  Crossing,
  LaneEnd,
  LaneHead,
  LaneRequest,
  Outbound,
  OwnAnswer,
  Traffic,
} from '../../src/relay/traffic.ts';

/** A request as a lane would hand it over, played by the test. */
export class FakeRequest implements LaneRequest {
  readonly head: LaneHead;
  readonly arrivedAtMs: number;
  hasHead = false;
  answered: OwnAnswer | null = null;
  outbound: Outbound | null = null;
  comments: string[] = [];
  cutWith: { answer: OwnAnswer; event: string | null } | null = null;
  crossing: Crossing | null = null;
  isOver = false;

  constructor(
    fields: FlatHeaders,
    { arrivedAtMs = 0, ...head }: Partial<LaneHead> & { arrivedAtMs?: number } = {},
  ) {
    this.arrivedAtMs = arrivedAtMs;
    this.head = {
      version: '1.1',
      method: 'GET',
      target: '/',
      authority: 'app.example.com',
      fields,
      peer: { address: '10.0.0.9', port: 40_000, isTls: false },
      upgrade: null,
      bodyBytes: 0,
      ...head,
    };
  }

  /** Gives it to the traffic, as a lane does. */
  enter(traffic: Traffic): this {
    this.crossing = traffic.take(this);
    return this;
  }

  answer(answer: OwnAnswer): void {
    if (this.isOver) return;
    if (this.hasHead) throw new Error('an answer behind the head of another');
    this.answered = answer;
    this.end('own');
  }

  forward(outbound: Outbound): void {
    if (this.isOver) return;
    if (this.outbound !== null) throw new Error('sent on twice');
    this.outbound = outbound;
  }

  comment(text: string): void {
    if (this.isOver) return;
    this.hasHead = true;
    this.comments.push(text);
  }

  cut(answer: OwnAnswer, event: string | null): void {
    if (this.isOver) return;
    this.cutWith = { answer, event };
    this.end('cut');
  }

  /** The app's head comes. */
  respond(status: number, fields: FlatHeaders = []): void {
    this.hasHead = true;
    this.crossing!.onHead(status, fields);
  }

  /** It is over; the crossing is told later where it is not known yet. */
  end(end: LaneEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.crossing !== null) this.crossing.onEnd(end);
    else queueMicrotask(() => this.crossing!.onEnd(end));
  }
}
