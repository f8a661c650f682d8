import type { Permit } from '../admission/permit.ts';
import { affinityOf, priorityOf } from '../admission/request-class.ts';
import type { Affinity, PriorityClass, Waiter } from '../admission/waiter.ts';
import type { ModelEntry, PassageHost, Traveller } from '../arrival.ts';
import { patienceMs } from '../core/client-deadline.ts';
import { PilotlightError, toPilotlightError } from '../core/errors.ts';
import type { Intent } from '../core/protocol.ts';
import { unreachable } from '../forward/broken-backend.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { tooLarge } from '../forward/request-body.ts';
import { Timings } from '../forward/timings.ts';
import { grpcTimeoutMs } from '../protocols/grpc/timeout.ts';
import { intentOf } from '../protocols/model-name.ts';
import type { Crossing, LaneEnd, OwnAnswer } from '../relay/traffic.ts';
import { errorAnswer, passedFields } from './call-answer.ts';
import type { CallArrival, CallNaming } from './call-arrival.ts';
import { CallAttempt } from './call-attempt.ts';
import { CallBody, type CallBodyOwner } from './call-body.ts';
import { brokenCall, isNoHttp2 } from './call-broken.ts';
import { outboundOf } from './call-outbound.ts';

/**
 * One request over HTTP/2 on its way through the pipeline, as a Passage is over HTTP/1.1: it is its own waiter in the gate,
 * and tells the lane what becomes of it. Nothing of its body is read but the message that names its model.
 */
export class Call implements Traveller, Crossing, CallBodyOwner {
  readonly httpVersion = 2;
  readonly tenant = '';
  slot = -1;
  readonly priority: PriorityClass;
  affinity: Affinity | null = null;
  deadlineMs = Number.POSITIVE_INFINITY;
  ticket: Waiter['ticket'] = null;
  attempts = 0;
  readonly #host: PassageHost<Call>;
  readonly #arrival: CallArrival;
  readonly #timings: Timings;
  readonly #body: CallBody;
  /** `nowMs` by which the client of gRPC wants to be served; null: it did not say. */
  readonly #untilMs: number | null;
  #isStream = false;
  #entry: ModelEntry | null = null;
  #attempt: CallAttempt | null = null;
  #outcome: string | null = null;
  #isOver = false;
  #lastRefusal: Error | null = null;
  #status = 0;
  #answerBytes = 0;
  #uploadBytes = 0;

  constructor(host: PassageHost<Call>, arrival: CallArrival) {
    const { clock, held, watchdog, maxBodyBytes } = host.options;
    const { request, bodyTimeoutMs } = arrival;
    this.#host = host;
    this.#arrival = arrival;
    this.#timings = new Timings(clock);
    const untilMs = this.#timings.arrivedAtMs + (bodyTimeoutMs || Number.POSITIVE_INFINITY);
    this.#body = new CallBody({ held, watchdog, request, maxBytes: maxBodyBytes(), untilMs }, this);
    this.priority = priorityOf(arrival.headers, arrival.key);
    const ownMs = arrival.isGrpc ? grpcTimeoutMs(arrival.headers['grpc-timeout']) : null;
    this.#untilMs = ownMs === null ? null : this.#timings.arrivedAtMs + ownMs;
  }

  get bytes(): number {
    return this.#body.bytes;
  }

  /** Finds its model. */
  begin(naming: CallNaming): void {
    if ('inMessage' in naming) {
      this.#isStream = naming.isStream;
      this.#body.read();
    } else this.#host.route(this, naming);
  }

  onModel(name: string): void {
    this.#host.route(this, intentOf(name));
  }

  onFault(error: unknown): void {
    this.cut(error);
  }

  routed(_intent: Intent, entry: ModelEntry): void {
    const { balance, queue, timeouts } = entry.settings.revision;
    const { headers } = this.#arrival;
    this.#entry = entry;
    const fault = this.#aliasFault(entry);
    if (fault !== null) {
      this.refuse(fault);
      return;
    }
    this.affinity = affinityOf(balance, headers, () => null);
    const ownMs = this.#untilMs ?? Number.POSITIVE_INFINITY;
    const patience = patienceMs(headers, queue.timeoutMs, timeouts.totalMs);
    this.deadlineMs = Math.min(this.#timings.arrivedAtMs + patience, ownMs);
    this.#host.enter(this, entry);
  }

  /** The messages that follow name the model as well, and go past without being read. */
  #aliasFault(entry: ModelEntry): PilotlightError | null {
    const known = this.#nameAt(entry);
    if (!this.#isStream || this.#body.name === known) return null;
    const message = `a stream must name its model ${JSON.stringify(known)}, as its backend does: only first messages are renamed`;
    return new PilotlightError('bad_request', message, { param: 'model_name' });
  }

  #nameAt({ settings }: ModelEntry): string {
    return settings.revision.sendModel ?? settings.name;
  }

  wait(): void {
    this.#timings.queued(this.#entry!.wakeInfo().state !== 'ready');
  }

  #leaveQueue(): void {
    this.#timings.unqueued();
    if (this.ticket !== null) this.#entry?.gate.cancel(this);
  }

  moveTo(entry: ModelEntry): void {
    this.#timings.unqueued();
    this.#entry = entry;
    this.#host.enter(this, entry);
  }

  /** The gate gave a slot: the request goes to that replica. */
  granted(permit: Permit): void {
    const entry = this.#entry!;
    const { clock, watchdog, dropCredentials } = this.#host.options;
    const { request } = this.#arrival;
    const nowMs = clock.nowMs();
    this.#timings.unqueued();
    this.#timings.sent(nowMs);
    const { arrivedAtMs } = this.#timings;
    const onTimeout = (error: PilotlightError) => this.cut(error);
    this.#attempt = new CallAttempt({ permit, entry, request, watchdog, arrivedAtMs, nowMs, onTimeout });
    const name = this.#nameAt(entry);
    const outbound = outboundOf(this.#arrival, {
      origin: permit.origin,
      revision: entry.settings.revision,
      prefix: this.#body.pieces(name),
      isRenamed: this.#body.name !== null && this.#body.name !== name,
      leftMs: this.#untilMs === null ? null : this.#untilMs - nowMs,
      dropCredentials: dropCredentials(),
    });
    request.forward(outbound);
  }

  onHead(status: number, fields: FlatHeaders): FlatHeaders {
    const nowMs = this.#host.options.clock.nowMs();
    this.#status = status;
    this.#timings.headed(nowMs);
    this.#attempt?.headed(nowMs);
    if (this.#timings.isCold) this.#timings.started(this.#entry!.firstByte(this.#attempt!.replicaId));
    this.#body.letGo();
    return passedFields(fields, this.#arrival.requestId, this.#timings);
  }

  onBytes(bytes: Buffer): void {
    this.#answerBytes += bytes.length;
    this.#attempt?.heard(this.#host.options.clock.nowMs());
  }

  onUpload(bytes: number): void {
    const { clock, maxBodyBytes } = this.#host.options;
    this.#attempt?.sent(clock.nowMs());
    this.#uploadBytes += bytes;
    // A stream of gRPC has no length of which a bound would make sense, and nothing of it is kept here.
    if (!this.#arrival.isGrpc && this.#uploadBytes > maxBodyBytes()) this.cut(tooLarge(maxBodyBytes()));
  }

  /** No byte was sent: back to the head of the queue, while that replica is probed. */
  takesBack(cause: Error): boolean {
    if (this.#isOver || isNoHttp2(cause)) return false;
    this.#lastRefusal = cause;
    this.attempts++;
    this.#attempt?.end('refused');
    // The lane has to let go of this attempt before it takes the next one.
    queueMicrotask(() => {
      if (!this.#isOver) this.#host.enter(this, this.#entry!);
    });
    return true;
  }

  onBroken(cause: Error, isSent: boolean): OwnAnswer {
    const error = brokenCall(cause, isSent);
    this.#outcome = error.code;
    return this.#answerOf(error);
  }

  brokenEvent(cause: Error): string | null {
    return this.#eventOf(brokenCall(cause, true));
  }

  #eventOf(error: PilotlightError): string | null {
    return this.#arrival.isGrpc ? null : this.#arrival.dialect.renderStreamError(error);
  }

  /** The gate refused it, on entering or later. */
  refused(error: PilotlightError): void {
    const cause = this.#lastRefusal;
    this.refuse(cause !== null && error.code === 'queue_timeout' ? unreachable(cause) : error);
  }

  refuse(thrown: unknown): void {
    if (this.#isOver) return;
    const error = toPilotlightError(thrown);
    this.#host.tellFault(error);
    this.#timings.unqueued();
    this.#outcome = error.code;
    const { request } = this.#arrival;
    if (request.hasHead) request.cut(this.#answerOf(error), this.#eventOf(error));
    else request.answer(this.#answerOf(error));
  }

  cut(error: unknown): void {
    this.#leaveQueue();
    this.refuse(error);
  }

  #answerOf(error: PilotlightError): OwnAnswer {
    const answer = errorAnswer(this.#arrival, error, this.#timings);
    this.#status ||= answer.status;
    return answer;
  }

  onEnd(end: LaneEnd): void {
    this.#isOver = true;
    this.#leaveQueue();
    this.#body.letGo();
    this.#attempt?.end(end === 'answered' || end === 'reset' ? end : null);
    const outcome = this.#outcome ?? (end === 'reset' ? 'backend_reset' : end);
    const { requestId, key, path, request } = this.#arrival;
    const facts = {
      ...this.#timings.facts(),
      ...{ requestId, method: request.head.method, path, key: key?.name ?? null, outcome },
      model: this.#entry?.settings.name ?? null,
      status: this.#status,
      bytes: this.#answerBytes,
      retries: this.attempts,
    };
    this.#entry?.meter.finished(facts, null);
    this.#host.leave(this, facts);
  }
}
