import type { Permit } from '../admission/permit.ts';
import type { Affinity, PriorityClass, Ticket, Waiter } from '../admission/waiter.ts';
import { PilotlightError } from '../core/errors.ts';
import type { WaitState } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import type { Watched } from '../forward/watchdog.ts';
import type { Crossing, LaneEnd, LaneHead, LaneRequest, Outbound, OwnAnswer } from '../relay/traffic.ts';
import type { CrossingParts, EndedRequest } from './crossing-parts.ts';
import { errorEvent } from './model/refusals.ts';
import { outboundFields } from './outbound-fields.ts';
import type { RequestCompany } from './request-company.ts';
import type { RequestFacts } from './request-facts.ts';

/** What a request counts as whose client left before an answer. */
const clientGone = 499;

/**
 * | state | what is known |
 * |---|---|
 * | waiting | it has no slot; its body is held by the lane |
 * | running | it has a slot (a probe of the app: none) and is the app's |
 * | ending | answered or cut from here: what still comes counts for nothing |
 * | over | its slot is given back |
 */
type State = 'waiting' | 'running' | 'ending' | 'over';

/**
 * One request on its way to the app: it waits in the gate itself, looks at its own deadlines, and is what the metrics are told
 * of. One object, no promise and no timer for each request.
 */
export class SidecarCrossing implements Crossing, Waiter, Watched, EndedRequest {
  readonly #parts: CrossingParts;
  readonly #request: LaneRequest;
  readonly #facts: RequestFacts;
  #state: State = 'waiting';
  #permit: Permit | null = null;
  readonly #company: RequestCompany | null;
  #isUpgraded = false;
  #grantedAtMs = -1;
  /** The last byte of the answer, or the arrival: what the idle time is counted from. */
  #lastByteAtMs: number;

  // As a waiter.
  readonly priority: PriorityClass;
  readonly tenant = '';
  readonly bytes = 0;
  readonly deadlineMs: number;
  readonly affinity: Affinity | null = null;
  ticket: Ticket | null = null;
  // As watched.
  slot = -1;
  // As told of when it has ended.
  readonly head: LaneHead;
  status = 0;
  appStatus = 0;
  totalMs = 0;
  servedMs: number | null = null;
  headMs = 0;
  fault: Error | null = null;
  uploadBytes = 0;
  answerBytes = 0;

  constructor(parts: CrossingParts, request: LaneRequest, facts: RequestFacts) {
    this.#parts = parts;
    this.#request = request;
    this.#facts = facts;
    this.head = request.head;
    this.#lastByteAtMs = request.arrivedAtMs;
    this.#company = facts.isProbe ? null : (parts.companyOf?.(request) ?? null);
    const { priority, patienceMs } = parts.rankOf(request.head.fields);
    this.priority = priority;
    this.deadlineMs = request.arrivedAtMs + patienceMs;
  }

  get isProbe(): boolean {
    return this.#facts.isProbe;
  }

  /** Begins: it is sent on, or waits, or is refused. */
  begin(): void {
    const { gate, stats, underWay, timeouts, watchdog } = this.#parts;
    underWay.enter();
    if (timeouts.totalMs > 0 || timeouts.responseStartMs > 0 || timeouts.idleMs > 0) watchdog.add(this);
    if (this.#facts.isKubeletProbe) {
      this.#forward();
      return;
    }
    stats.enter(this.#facts.isProxied, this.#request.arrivedAtMs);
    this.#company?.asks();
    const outcome = gate.enter(this);
    if (outcome === null) this.#company?.waits(() => this.#waitState());
    else if (outcome instanceof PilotlightError) this.refused(outcome);
    else this.granted(outcome);
  }

  granted(permit: Permit): void {
    this.#permit = permit;
    this.#forward();
  }

  refused(error: PilotlightError): void {
    this.#stop(error);
  }

  check(nowMs: number): void {
    if (this.#state === 'ending' || this.#state === 'over') return;
    const { totalMs, responseStartMs, idleMs } = this.#parts.timeouts;
    const sinceArrivalMs = nowMs - this.#request.arrivedAtMs;
    const isOver =
      (totalMs > 0 && sinceArrivalMs >= totalMs) ||
      (responseStartMs > 0 && this.appStatus === 0 && sinceArrivalMs >= responseStartMs) ||
      (idleMs > 0 && nowMs - this.#lastByteAtMs >= idleMs);
    if (isOver) this.#stop(new PilotlightError('backend_timeout', 'request timeout'));
  }

  onHead(status: number, fields: FlatHeaders): FlatHeaders {
    const nowMs = this.#parts.clock.nowMs();
    this.#lastByteAtMs = nowMs;
    this.headMs = nowMs - this.#grantedAtMs;
    this.status = status;
    this.appStatus = status;
    if (status === 101) {
      this.#isUpgraded = true;
      this.#parts.underWay.upgrade();
    }
    if (this.#company?.onHead(status, fields) === false) {
      const what = `the app answered ${status} to a client that had begun to wait for a stream of events`;
      this.#stop(new PilotlightError('backend_bad_response', what));
    }
    return fields;
  }

  onBytes(bytes: Buffer): void {
    this.answerBytes += bytes.length;
    if (this.#parts.timeouts.idleMs === 0 && this.#company === null) return;
    this.#lastByteAtMs = this.#parts.clock.nowMs();
    this.#company?.onBytes(bytes, this.#lastByteAtMs);
  }

  onUpload(bytes: number): void {
    this.uploadBytes += bytes;
  }

  onBroken(cause: Error, isSent: boolean): OwnAnswer {
    this.#broke(cause);
    const code = isSent ? 'backend_reset' : 'backend_unreachable';
    const error = new PilotlightError(code, cause.message, { cause });
    const answer = this.#parts.refusals.answer(error, this.head);
    this.status = answer.status;
    this.answerBytes = Buffer.byteLength(answer.body);
    return answer;
  }

  brokenEvent(cause: Error): string | null {
    this.#broke(cause);
    return errorEvent(new PilotlightError('backend_reset', cause.message, { cause }), this.head);
  }

  onEnd(end: LaneEnd): void {
    if (this.#state === 'over') return;
    const { clock, stats, underWay, watchdog } = this.#parts;
    const nowMs = clock.nowMs();
    this.#leaveGate();
    this.#state = 'over';
    watchdog.delete(this);
    if (!this.#facts.isKubeletProbe) stats.leave(this.#facts.isProxied, nowMs);
    underWay.leave(this.#isUpgraded);
    this.#settle(nowMs);
    this.#company?.ended(end === 'answered', this);
    this.#parts.onEnded(this);
  }

  #forward(): void {
    this.#state = 'running';
    this.#grantedAtMs = this.#parts.clock.nowMs();
    const outbound = this.#outbound(outboundFields(this.head, this.#facts));
    this.#request.forward(this.#company?.goes(outbound, this.#grantedAtMs) ?? outbound);
  }

  #outbound(fields: FlatHeaders): Outbound {
    const { host, port } = this.#parts.user;
    const { method, target, authority } = this.head;
    const { originalHost, isKubeletProbe } = this.#facts;
    const restored = isKubeletProbe ? '' : originalHost;
    return { host, port, method, target, authority: restored || authority || `${host}:${port}`, fields };
  }

  #broke(cause: Error): void {
    this.fault = cause;
    this.#company?.onBroken(cause);
  }

  /** What who waits is told. */
  #waitState(): WaitState {
    const { gate } = this.#parts;
    return { position: gate.position(this), phase: this.#parts.phase(), detail: null, etaMs: null };
  }

  /** Ends it from here: with an answer where nothing was sent yet, else by cutting it. */
  #stop(error: PilotlightError): void {
    const isWaiting = this.#state === 'waiting';
    this.#state = 'ending';
    if (isWaiting) this.#parts.gate.cancel(this);
    this.#company?.waitsNoMore();
    const answer = this.#parts.refusals.answer(error, this.head);
    if (this.appStatus === 0) this.status = answer.status;
    if (!this.#request.hasHead) this.answerBytes = Buffer.byteLength(answer.body);
    if (isWaiting && !this.#request.hasHead) this.#request.answer(answer);
    else this.#request.cut(answer, errorEvent(error, this.head));
  }

  /** The slot goes back, or the place in the queue. */
  #leaveGate(): void {
    if (this.#permit !== null) this.#permit.release();
    else if (this.#state === 'waiting') this.#parts.gate.cancel(this);
  }

  /** The figures that only the end tells. */
  #settle(nowMs: number): void {
    this.totalMs = nowMs - this.#request.arrivedAtMs;
    if (this.status === 0) this.status = clientGone;
    if (this.#grantedAtMs < 0) return;
    this.servedMs = nowMs - this.#grantedAtMs;
    if (this.appStatus === 0) this.headMs = this.servedMs;
  }
}
