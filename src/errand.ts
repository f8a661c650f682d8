import type { Permit } from './admission/permit.ts';
import { affinityOf } from './admission/request-class.ts';
import type { Affinity, PriorityClass, Waiter } from './admission/waiter.ts';
import type { ModelEntry, PassageHost, Traveller } from './arrival.ts';
import { patienceMs } from './core/client-deadline.ts';
import type { Cancel } from './core/clock.ts';
import type { BackendCall } from './core/contract.ts';
import { type PilotlightError, toPilotlightError } from './core/errors.ts';
import type { Intent } from './core/protocol.ts';
import { prepareOwnAttempt } from './forward/attempt.ts';
import { unreachable } from './forward/broken-backend.ts';
import { type ForwardEnd, Forwarding, type ForwardOwner } from './forward/forwarding.ts';
import { type AnswerSink, SinkAnswer } from './forward/sink-answer.ts';
import { Timings } from './forward/timings.ts';
import type { AccessFacts } from './meter/log.ts';
import { usageOf } from './protocols/usage.ts';

/** A request that the gateway makes itself, for a surface or a job. */
export interface ErrandOrder {
  readonly requestId: string;
  /** Name of the key it is made for; null: none. */
  readonly key: string | null;
  readonly model: string;
  /** Goes to the backend as it is: it names the model as the backend knows it. */
  readonly call: BackendCall;
  readonly priority: PriorityClass;
  /** Longest wait for a slot, in ms; Infinity: no bound; null: as the model's settings say. */
  readonly patienceMs: number | null;
  /** How long it may run once it has a slot, in ms, and how it fails then; null: as the model's timeouts say. */
  readonly runLimit: { readonly ms: number; readonly error: PilotlightError } | null;
}

/**
 * How an errand ended; told exactly once. `isSent`: a backend may have processed some of it.
 * | end | what is known |
 * |---|---|
 * | answered | the answer ended, whatever its status |
 * | failed | the error says it; what came of an answer before is cut |
 * | aborted | `abort` was called |
 */
export type ErrandEnd =
  | { readonly kind: 'answered' }
  | { readonly kind: 'failed'; readonly error: PilotlightError; readonly isSent: boolean }
  | { readonly kind: 'aborted'; readonly isSent: boolean };

/** Takes what comes of an errand. Must not throw. */
export interface ErrandSink extends AnswerSink {
  /** Exactly once, perhaps before `Pipeline.errand` returns. */
  onEnd(end: ErrandEnd): void;
}

/** A request of the gateway's own on its way through the pipeline, as a Passage is a client's: its own waiter in the gate. */
export class Errand implements Traveller, ForwardOwner {
  readonly httpVersion = 1;
  readonly tenant = '';
  slot = -1;
  readonly priority: PriorityClass;
  affinity: Affinity | null = null;
  deadlineMs = Number.POSITIVE_INFINITY;
  ticket: Waiter['ticket'] = null;
  attempts = 0;
  readonly #host: PassageHost<Errand>;
  readonly #order: ErrandOrder;
  readonly #sink: ErrandSink;
  readonly #answer: SinkAnswer;
  readonly #timings: Timings;
  #entry: ModelEntry | null = null;
  #permit: Permit | null = null;
  #forwarding: Forwarding | null = null;
  #cancelLimit: Cancel | null = null;
  #isSent = false;
  #isOver = false;
  #lastRefusal: Error | null = null;

  constructor(host: PassageHost<Errand>, order: ErrandOrder, sink: ErrandSink) {
    this.#host = host;
    this.#order = order;
    this.#sink = sink;
    this.priority = order.priority;
    this.#timings = new Timings(host.options.clock);
    this.#answer = new SinkAnswer(sink);
  }

  /** Bytes of its body. */
  get bytes(): number {
    return this.#order.call.body.length;
  }

  /** A backend may have processed some of it. */
  get isSent(): boolean {
    return this.#isSent;
  }

  /** Milliseconds it has waited for a slot so far, and of those for a start. */
  get waits(): { readonly waitMs: number; readonly coldMs: number } {
    const { waitMs, coldMs } = this.#timings.facts();
    return { waitMs: waitMs + coldMs, coldMs };
  }

  /** Goes to its model's gate. */
  begin(): void {
    const { model, call } = this.#order;
    this.#host.route(this, {
      model,
      isStream: call.isStream,
      modelSpan: null,
      modelEncoding: 'none',
      promptSpan: null,
    });
  }

  routed(_intent: Intent, entry: ModelEntry): void {
    const { balance, queue, timeouts } = entry.settings.revision;
    const { call, patienceMs: ownMs } = this.#order;
    this.#entry = entry;
    this.affinity = affinityOf(balance, call.headers, () => null);
    const waitMs = ownMs ?? patienceMs({}, queue.timeoutMs, timeouts.totalMs);
    this.deadlineMs = this.#timings.arrivedAtMs + waitMs;
    this.#host.enter(this, entry);
  }

  wait(): void {
    this.#timings.queued(this.#entry!.wakeInfo().state !== 'ready');
  }

  /** Its model got new replicas while it waited: it goes on waiting at their gate. */
  moveTo(entry: ModelEntry): void {
    this.#timings.unqueued();
    this.#entry = entry;
    this.#host.enter(this, entry);
  }

  /** The gate gave a slot: the request goes to that replica. */
  granted(permit: Permit): void {
    const entry = this.#entry!;
    const { clock, watchdog, dropCredentials } = this.#host.options;
    const nowMs = clock.nowMs();
    this.#timings.unqueued();
    this.#timings.sent(nowMs);
    this.#permit = permit;
    this.#isSent = true;
    const attempt = prepareOwnAttempt(this.#order.call, {
      upstream: entry.upstreams.get(permit.replicaId, permit.origin, nowMs),
      revision: entry.settings.revision,
      requestId: this.#order.requestId,
      arrivedAtMs: this.#timings.arrivedAtMs,
      dropCredentials: dropCredentials(),
    });
    entry.stallWatch.began(permit.replicaId, nowMs);
    this.#forwarding = new Forwarding(attempt, { answer: this.#answer, watchdog, clock, owner: this }, nowMs);
    this.#startLimit(nowMs);
    this.#forwarding.start();
  }

  #startLimit(nowMs: number): void {
    const { runLimit } = this.#order;
    if (runLimit === null) return;
    const { clock } = this.#host.options;
    this.#cancelLimit = clock.setTimer(nowMs + runLimit.ms, () => this.cut(runLimit.error));
  }

  onHead(nowMs: number): void {
    const { replicaId } = this.#permit!;
    this.#timings.headed(nowMs);
    this.#entry!.stallWatch.heard(replicaId, nowMs);
    if (this.#timings.isCold) this.#timings.started(this.#entry!.firstByte(replicaId));
  }

  onBytes(nowMs: number, gapMs: number | null): void {
    this.#entry!.stallWatch.heard(this.#permit!.replicaId, nowMs);
    if (this.#answer.isSse) this.#entry!.meter.chunk(gapMs, this.#timings.servedMs(nowMs));
  }

  onForwardEnd(end: ForwardEnd): void {
    const { replicaId } = this.#permit!;
    const entry = this.#entry!;
    this.#forwarding = null;
    entry.stallWatch.ended(replicaId);
    if (end.kind === 'refused' || end.kind === 'loading') {
      this.#tryAgain(replicaId, end);
      return;
    }
    // Told before the slot is free, or the next in line might get it from a replica that is about to be suspended.
    if (end.kind === 'answered') entry.report(replicaId, 'answered');
    if (end.kind === 'failed' && end.error.code === 'backend_reset') entry.report(replicaId, 'reset');
    this.#permit!.release();
    if (end.kind === 'answered') this.#over({ kind: 'answered' });
    if (end.kind === 'failed') this.#over({ kind: 'failed', error: end.error, isSent: true });
  }

  /** No byte was processed: back to the head of the queue, while that replica is probed. */
  #tryAgain(replicaId: string, end: ForwardEnd): void {
    if (end.kind === 'refused') this.#lastRefusal = end.cause;
    this.#isSent = false;
    this.#cancelLimit?.();
    this.attempts++;
    this.#entry!.report(replicaId, end.kind === 'refused' ? 'refused' : 'loading');
    this.#permit!.release();
    if (!this.#isOver) this.#host.enter(this, this.#entry!);
  }

  /** The gate refused it, on entering or later. */
  refused(error: PilotlightError): void {
    const cause = this.#lastRefusal;
    this.refuse(cause !== null && error.code === 'queue_timeout' ? unreachable(cause) : error);
  }

  refuse(thrown: unknown): void {
    const error = toPilotlightError(thrown);
    if (!this.#isOver) this.#host.tellFault(error);
    this.#over({ kind: 'failed', error, isSent: this.#isSent });
  }

  cut(error: unknown): void {
    this.#leaveQueue();
    this.refuse(error);
    this.#forwarding?.abort();
  }

  /** Nobody wants it any more: it leaves the queue, or its connection to the backend is cut. Idempotent. */
  abort(): void {
    this.#leaveQueue();
    this.#over({ kind: 'aborted', isSent: this.#isSent });
    this.#forwarding?.abort();
  }

  #leaveQueue(): void {
    if (this.ticket !== null) this.#entry?.gate.cancel(this);
  }

  #over(end: ErrandEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelLimit?.();
    this.#timings.unqueued();
    const { requestId, key, call } = this.#order;
    const outcome = end.kind === 'failed' ? end.error.code : end.kind === 'aborted' ? 'gone' : end.kind;
    const facts: AccessFacts = {
      ...this.#timings.facts(),
      ...{ requestId, key, outcome, method: call.method, path: call.path.split('?', 1)[0]! },
      model: this.#entry?.settings.name ?? null,
      status: this.#answer.status || (end.kind === 'failed' ? end.error.spec.status : 0),
      bytes: this.#answer.bytes,
      retries: this.attempts,
    };
    this.#entry?.meter.finished(facts, usageOf(this.#answer.tail));
    this.#sink.onEnd(end);
    this.#host.leave(this, facts);
  }
}
