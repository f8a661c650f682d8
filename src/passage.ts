import type { Permit } from './admission/permit.ts';
import { affinityOf, priorityOf } from './admission/request-class.ts';
import type { Affinity, PriorityClass, Waiter } from './admission/waiter.ts';
import {
  type Arrival,
  heartbeatMs,
  identify,
  type ModelEntry,
  type Naming,
  type PassageHost,
  waitState,
} from './arrival.ts';
import type { BagItem } from './core/bag.ts';
import { patienceMs } from './core/client-deadline.ts';
import { type PilotlightError, toPilotlightError } from './core/errors.ts';
import type { Intent, IntentParser } from './core/protocol.ts';
import { AnswerWriter } from './forward/answer-writer.ts';
import { expectedBytes, prepareAttempt } from './forward/attempt.ts';
import { unreachable } from './forward/broken-backend.ts';
import { type ForwardEnd, Forwarding, type ForwardOwner } from './forward/forwarding.ts';
import { Heartbeat } from './forward/heartbeat.ts';
import { type BodyListener, RequestBody } from './forward/request-body.ts';
import { Timings } from './forward/timings.ts';
import type { AccessFacts } from './meter/log.ts';
import { renamed } from './protocols/rewrite.ts';
import { usageOf } from './protocols/usage.ts';

/** One request on its way through the pipeline; it is its own waiter in the gate. */
export class Passage implements Waiter, BodyListener, ForwardOwner, BagItem {
  readonly httpVersion = 1;
  readonly tenant = '';
  slot = -1;
  readonly priority: PriorityClass;
  affinity: Affinity | null = null;
  readonly #pipeline: PassageHost<Passage>;
  readonly #arrival: Arrival;
  readonly #answer: AnswerWriter;
  readonly #body: RequestBody;
  readonly #timings: Timings;
  readonly #heartbeat = new Heartbeat();
  deadlineMs = Number.POSITIVE_INFINITY;
  ticket: Waiter['ticket'] = null;
  attempts = 0;
  /** Until the model is known. */
  #parser: IntentParser | null = null;
  #intent: Intent | null = null;
  #entry: ModelEntry | null = null;
  #permit: Permit | null = null;
  #forwarding: Forwarding | null = null;
  #isOver = false;
  #lastRefusal: Error | null = null;

  constructor(pipeline: PassageHost<Passage>, arrival: Arrival) {
    const { clock, held, maxBodyBytes } = pipeline.options;
    this.#timings = new Timings(clock);
    this.#pipeline = pipeline;
    this.#arrival = arrival;
    this.priority = priorityOf(arrival.req.headers, arrival.key);
    this.#answer = new AnswerWriter(arrival, this.#timings);
    this.#body = new RequestBody(held, maxBodyBytes());
    arrival.res.on('close', (refusal?: PilotlightError) => this.#onClose(refusal));
  }

  get bytes(): number {
    return this.#body.bytes;
  }

  /**
   * Reads the body, as it must be read while the request waits; the protocol says from when on the model is known:
   * before the first byte (path, host), after the model's field (form), at the end (JSON: a later duplicate wins).
   */
  parse(naming: Naming): void {
    const { req, res } = this.#arrival;
    if (expectedBytes(req) === 0) this.#body.skip();
    if ('push' in naming) this.#parser = naming;
    else this.#pipeline.route(this, naming);
    if (this.#isOver) return;
    if (req.headers.expect !== undefined && req.httpVersionMinor > 0) res.writeContinue();
    this.#body.read(req, this);
  }

  onChunk(chunk: Buffer): void {
    if (this.#parser !== null) {
      const intent = this.#parser.push(chunk);
      if (intent !== 'more') this.#pipeline.route(this, intent);
    } else if (this.ticket !== null) {
      const refusal = this.#entry!.gate.grow(this, chunk.length);
      if (refusal !== null) this.refused(refusal);
    }
  }

  onEnd(): void {
    if (this.#parser !== null) this.#pipeline.route(this, this.#parser.end());
  }

  /** The body cannot be read on: too large, not what the protocol reads, no room to keep it. */
  onError(error: unknown): void {
    this.cut(error);
  }

  /** Its model is known: it goes to that model's gate. */
  routed(intent: Intent, entry: ModelEntry): void {
    this.#parser = null;
    this.#intent = intent;
    this.#entry = entry;
    const { balance, queue, timeouts } = entry.settings.revision;
    const { headers } = this.#arrival.req;
    this.affinity = affinityOf(balance, headers, () => this.#body.slice(intent.promptSpan));
    this.deadlineMs = this.#timings.arrivedAtMs + patienceMs(headers, queue.timeoutMs, timeouts.totalMs);
    this.#pipeline.enter(this, entry);
  }

  /** It is in the queue: a client that can be told so is told so every now and then. */
  wait(): void {
    const entry = this.#entry!;
    this.#timings.queued(entry.wakeInfo().state !== 'ready');
    const { isStream } = this.#intent!;
    const everyMs = heartbeatMs(entry.settings, isStream, this.#arrival.isJson);
    this.#heartbeat.start(this.#pipeline.options.clock, everyMs, () =>
      this.#answer.heartbeat(isStream ? 'sse' : 'json', waitState(entry, this)),
    );
  }

  #stopWaiting(): void {
    this.#heartbeat.stop();
    this.#timings.unqueued();
  }

  #leaveQueue(): void {
    this.#stopWaiting();
    if (this.ticket !== null) this.#entry?.gate.cancel(this);
  }

  /** Its model got new replicas while it waited: it goes on waiting at their gate. */
  moveTo(entry: ModelEntry): void {
    this.#stopWaiting();
    this.#entry = entry;
    this.#pipeline.enter(this, entry);
  }

  /** The gate gave a slot: the request goes to that replica. */
  granted(permit: Permit): void {
    const entry = this.#entry!;
    this.#stopWaiting();
    this.#permit = permit;
    const { clock, watchdog, dropCredentials } = this.#pipeline.options;
    const nowMs = clock.nowMs();
    const { revision, name } = entry.settings;
    const attempt = prepareAttempt(this.#arrival, {
      upstream: entry.upstreams.get(permit.replicaId, permit.origin, nowMs),
      revision,
      body: this.#body,
      // An alias is sent on as the name the backend knows.
      ...renamed(this.#intent!, this.#arrival.forwardPath, revision.sendModel ?? name),
      isStream: this.#intent!.isStream,
      arrivedAtMs: this.#timings.arrivedAtMs,
      dropCredentials: dropCredentials(),
      forceIdentity: this.#answer.hasHead,
    });
    this.#timings.sent(nowMs);
    // A replica that still waits for the client's upload is silent, but it does not stall.
    if (this.#body.isComplete) entry.stallWatch.began(permit.replicaId, nowMs);
    this.#forwarding = new Forwarding(attempt, { answer: this.#answer, watchdog, clock, owner: this }, nowMs);
    this.#forwarding.start();
  }

  onHead(nowMs: number): void {
    this.#timings.headed(nowMs);
    const { replicaId } = this.#permit!;
    this.#entry!.stallWatch.heard(replicaId, nowMs);
    if (this.#timings.isCold) this.#timings.started(this.#entry!.firstByte(replicaId));
    this.#body.letGo();
  }

  onBytes(nowMs: number, gapMs: number | null): void {
    this.#entry!.stallWatch.heard(this.#permit!.replicaId, nowMs);
    if (this.#answer.isSse) this.#entry!.meter.chunk(gapMs, this.#timings.servedMs(nowMs));
  }

  onForwardEnd(end: ForwardEnd): void {
    const { replicaId } = this.#permit!;
    const entry = this.#entry!;
    this.#forwarding = null;
    if (this.#body.isComplete) entry.stallWatch.ended(replicaId);
    if (end.kind === 'refused' || end.kind === 'loading') {
      this.#tryAgain(replicaId, end);
      return;
    }
    // Told before the slot is free, or the next in line might get it from a replica that is about to be suspended.
    if (end.kind === 'answered') entry.report(replicaId, 'answered');
    if (end.kind === 'failed' && end.error.code === 'backend_reset') entry.report(replicaId, 'reset');
    this.#permit!.release();
    if (end.kind === 'failed' && !end.isCut) this.#answer.fail(end.error);
    this.#over(end.kind === 'failed' ? end.error.code : end.kind);
  }

  /** No byte was processed: back to the head of the queue, while that replica is probed. */
  #tryAgain(replicaId: string, end: ForwardEnd): void {
    if (end.kind === 'refused') this.#lastRefusal = end.cause;
    this.attempts++;
    this.#entry!.report(replicaId, end.kind === 'refused' ? 'refused' : 'loading');
    this.#permit!.release();
    if (!this.#isOver) this.#pipeline.enter(this, this.#entry!);
  }

  /** The gate refused it, on entering or later. */
  refused(error: PilotlightError): void {
    const cause = this.#lastRefusal;
    this.refuse(cause !== null && error.code === 'queue_timeout' ? unreachable(cause) : error);
  }

  /** Ends it with an error, whatever step it is in. */
  refuse(thrown: unknown): void {
    if (this.#isOver) return;
    const error = toPilotlightError(thrown);
    this.#pipeline.tellFault(error);
    this.#stopWaiting();
    this.#answer.fail(error);
    this.#over(error.code);
  }

  /** It is taken out of wherever it is: the queue, or a replica. */
  cut(error: unknown): void {
    this.#leaveQueue();
    this.refuse(error);
    this.#forwarding?.abort();
  }

  /** The client has left, or the listener has refused what it went on to send. */
  #onClose(refusal?: PilotlightError): void {
    if (this.#isOver || this.#arrival.res.writableFinished) return;
    this.#leaveQueue();
    this.#over(refusal?.code ?? 'gone');
    this.#forwarding?.abort();
  }

  #over(outcome: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.close();
    const facts: AccessFacts = {
      ...this.#timings.facts(),
      ...identify(this.#arrival, this.#entry?.settings.name ?? null, outcome),
      bytes: this.#answer.bytes,
      retries: this.attempts,
    };
    this.#entry?.meter.finished(facts, usageOf(this.#answer.tail));
    this.#pipeline.leave(this, facts);
  }
}
