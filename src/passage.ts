import type { Permit } from './admission/permit.ts';
import { affinityOf, priorityOf } from './admission/request-class.ts';
import type { Affinity, PriorityClass, Waiter } from './admission/waiter.ts';
import type { Cancel } from './core/clock.ts';
import { PilotlightError, toPilotlightError } from './core/errors.ts';
import type { Intent } from './core/protocol.ts';
import { AnswerWriter } from './forward/answer-writer.ts';
import { clientDeadlineMs, smallestMs } from './forward/client-deadline.ts';
import { type ForwardEnd, Forwarding } from './forward/forwarding.ts';
import { patchedBytes, RequestBody } from './forward/request-body.ts';
import { Timings } from './forward/timings.ts';
import { upstreamRequest } from './forward/upstream-request.ts';
import type { Arrival, ModelEntry, Pipeline } from './pipeline.ts';
import { modelPatch } from './protocols/rewrite.ts';

/** One request on its way through the pipeline; it is its own waiter in the gate. */
export class Passage implements Waiter {
  readonly tenant = '';
  readonly priority: PriorityClass;
  affinity: Affinity | null = null;
  readonly #pipeline: Pipeline;
  readonly #arrival: Arrival;
  readonly #answer: AnswerWriter;
  readonly #body: RequestBody;
  readonly #timings: Timings;
  deadlineMs = Number.POSITIVE_INFINITY;
  ticket: Waiter['ticket'] = null;
  /** Attempts at a replica that were undone because it processed nothing. */
  attempts = 0;
  #intent: Intent | null = null;
  #entry: ModelEntry | null = null;
  #permit: Permit | null = null;
  #forwarding: Forwarding | null = null;
  #cancelBeat: Cancel | null = null;
  #isOver = false;
  #lastRefusal: Error | null = null;

  constructor(pipeline: Pipeline, arrival: Arrival) {
    const { clock, held, maxBodyBytes } = pipeline.options;
    this.#timings = new Timings(clock);
    this.#pipeline = pipeline;
    this.#arrival = arrival;
    this.priority = priorityOf(arrival.req.headers, arrival.key);
    this.#answer = new AnswerWriter(arrival, () => this.#timings.headers());
    this.#body = new RequestBody(held, maxBodyBytes());
    arrival.res.on('close', () => this.#onClose());
  }

  get bytes(): number {
    return this.#body.bytes;
  }

  /** Reads the body, as it must be read while the request waits, and with it what the protocol needs. */
  parse(): void {
    const { req, parser } = this.#arrival;
    let intent = this.#arrival.intent;
    this.#body.read(req, {
      onChunk: (chunk) => {
        if (intent !== null || parser === null) return;
        const parsed = parser.push(chunk);
        if (parsed !== 'more') intent = parsed;
      },
      onEnd: () => {
        try {
          this.#route(intent ?? parser!.end());
        } catch (error) {
          this.refuse(error);
        }
      },
      onError: (error) => this.refuse(error),
    });
  }

  #route(intent: Intent): void {
    if (this.#isOver) return;
    const entry = this.#pipeline.route(intent);
    if (entry instanceof PilotlightError) {
      this.refuse(entry);
      return;
    }
    this.#intent = intent;
    this.#entry = entry;
    const { revision } = entry.settings;
    const saidMs = clientDeadlineMs(this.#arrival.req.headers);
    const limitMs = smallestMs(revision.queue.timeoutMs, revision.timeouts.totalMs, saidMs);
    this.affinity = affinityOf(revision.balance, this.#arrival.req.headers, () =>
      this.#body.slice(intent.promptSpan),
    );
    this.deadlineMs = this.#timings.arrivedAtMs + limitMs;
    this.#pipeline.enter(this, entry);
  }

  /** It is in the queue: a client that can be told so is told so every now and then. */
  wait(): void {
    this.#timings.queued(this.#entry!.wakeInfo().state !== 'ready');
    this.#scheduleBeat();
  }

  #scheduleBeat(): void {
    const { heartbeat } = this.#entry!.settings;
    const isStream = this.#intent!.isStream;
    const everyMs = isStream ? heartbeat.streamMs : heartbeat.jsonMs;
    if (everyMs === 0) return;
    const { clock } = this.#pipeline.options;
    this.#cancelBeat = clock.setTimer(clock.nowMs() + everyMs, () => {
      const { gate } = this.#entry!;
      const { state, step, etaMs } = this.#entry!.wakeInfo();
      const phase = state === 'ready' ? 'waiting' : (step ?? state);
      this.#answer.heartbeat(isStream ? 'sse' : 'json', { position: gate.position(this), phase, etaMs });
      this.#scheduleBeat();
    });
  }

  #stopWaiting(): void {
    this.#cancelBeat?.();
    this.#cancelBeat = null;
    this.#timings.unqueued();
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
    const { clock, watchdog } = this.#pipeline.options;
    const { pool, pathPrefix } = entry.upstreams.get(permit.replicaId, permit.origin);
    const { revision } = entry.settings;
    // An alias is sent on as the name the backend knows.
    const patch = modelPatch(this.#intent!, revision.sendModel ?? entry.settings.name);
    this.#timings.sent();
    entry.stallWatch.began(permit.replicaId);
    this.#forwarding = new Forwarding({
      ...upstreamRequest(this.#arrival, {
        pathPrefix,
        bodyBytes: patchedBytes(this.#body.bytes, patch),
        dropCredentials: this.#pipeline.options.dropCredentials(),
        backendHeaders: revision.backendHeaders,
        forceIdentity: this.#answer.hasHead,
      }),
      pool,
      body: this.#body.toUpstream(patch),
      answer: this.#answer,
      timeouts: revision.timeouts,
      isStream: this.#intent!.isStream,
      loading: revision.ready.loading,
      watchdog,
      nowMs: () => clock.nowMs(),
      onByte: (nowMs) => entry.stallWatch.heard(permit.replicaId, nowMs),
      onHead: () => this.#onHead(),
      onEnd: (end) => this.#onEnd(end),
    });
    this.#forwarding.start();
  }

  #onHead(): void {
    this.#timings.headed();
    this.#body.release();
  }

  #onEnd(end: ForwardEnd): void {
    const replicaId = this.#permit!.replicaId;
    this.#forwarding = null;
    const entry = this.#entry!;
    entry.stallWatch.ended(replicaId);
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
    const entry = this.#entry!;
    if (end.kind === 'refused') this.#lastRefusal = end.cause;
    this.attempts++;
    entry.report(replicaId, end.kind === 'refused' ? 'refused' : 'loading');
    this.#permit!.release();
    this.#permit = null;
    if (!this.#isOver) this.#pipeline.enter(this, entry);
  }

  /** The gate refused it, on entering or later. */
  refused(error: PilotlightError): void {
    const cause = this.#lastRefusal;
    if (error.code !== 'queue_timeout' || cause === null) this.refuse(error);
    else
      this.refuse(
        new PilotlightError('backend_unreachable', 'backend refused until the deadline', { cause }),
      );
  }

  /** Ends it with an error, whatever step it is in. */
  refuse(thrown: unknown): void {
    if (this.#isOver) return;
    const error = toPilotlightError(thrown);
    if (error.code === 'internal') this.#pipeline.options.onInternalError(error.cause);
    this.#stopWaiting();
    this.#answer.fail(error);
    this.#over(error.code);
  }

  /** The gateway ends: it is taken out of wherever it is. */
  cut(error: PilotlightError): void {
    if (this.ticket !== null) this.#entry?.gate.cancel(this);
    this.refuse(error);
    this.#forwarding?.abort();
  }

  #onClose(): void {
    if (this.#isOver || this.#arrival.res.writableFinished) return;
    this.#stopWaiting();
    if (this.ticket !== null) this.#entry?.gate.cancel(this);
    if (this.#forwarding === null) this.#over('gone');
    else this.#forwarding.abort();
  }

  #over(outcome: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.release();
    const facts = { ...this.#timings.facts(), outcome, retries: this.attempts };
    this.#entry?.meter.finished(facts);
    const { req, res, head, requestId, key } = this.#arrival;
    const model = this.#entry?.settings.name ?? null;
    this.#pipeline.leave(this, {
      ...facts,
      ...{ requestId, model, key: key?.name ?? null, bytes: this.#answer.bytes },
      method: req.method ?? '',
      path: head.path,
      status: res.statusCode,
    });
  }
}
