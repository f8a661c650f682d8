import { Permit } from './admission/permit.ts';
import type { Waiter } from './admission/waiter.ts';
import {
  type Arrival,
  identify,
  type ModelEntry,
  type Naming,
  type PassageContext,
  type PassageHost,
} from './arrival.ts';
import type { KeySettings } from './config/settings.ts';
import { Bag } from './core/bag.ts';
import { PilotlightError, toPilotlightError } from './core/errors.ts';
import type { Intent } from './core/protocol.ts';
import { type ReplyContext, sendError } from './forward/reply.ts';
import type { AccessFacts } from './meter/log.ts';
import { Passage } from './passage.ts';
import { modelNotFound } from './protocols/model-name.ts';

/** Finds models by the name or alias that a client used. */
export interface Directory {
  find(name: string): ModelEntry | undefined;
  names(): readonly string[];
}

/** What the data path is built from. */
export interface PipelineOptions extends PassageContext {
  readonly directory: Directory;
  /** Why nothing is admitted now (another gateway of the group leads), or null. */
  readonly refusal: () => PilotlightError | null;
  readonly onAccess: (facts: AccessFacts) => void;
  /** Something is wrong here, and not with the client or the backend. */
  readonly onFault: (error: PilotlightError) => void;
}

/** What is noted of a request that went no further. */
interface Noted {
  readonly model: string | null;
  readonly key: KeySettings | null;
  readonly outcome: string;
  readonly status: number;
}

/**
 * A request's way:
 *
 *     listener -> authenticate -> protocol.parse -> route (model -> revision) -> gate.enter -> forward -> meter
 *
 * The listener (src/http) has authenticated and found the protocol; each method of Passage below is one further step.
 */
export class Pipeline implements PassageHost<Passage> {
  readonly options: PipelineOptions;
  readonly #passages = new Bag<Passage>();
  #isDraining = false;
  #onEmpty: (() => void) | null = null;

  constructor(options: PipelineOptions) {
    this.options = options;
  }

  /** Takes a request; every outcome is written to its response. Never throws. */
  handle(arrival: Arrival, naming: Naming): void {
    const passage = new Passage(this, arrival);
    this.#passages.add(passage);
    const refusal = this.#refusal();
    if (refusal === null) passage.parse(naming);
    else passage.refuse(refusal);
  }

  #refusal(): PilotlightError | null {
    if (this.#isDraining) return new PilotlightError('draining', 'the gateway is shutting down');
    return this.options.refusal();
  }

  /** Answers a request that is refused before it is known what it asks for. */
  refuse(context: ReplyContext, thrown: unknown): void {
    const error = toPilotlightError(thrown);
    this.tellFault(error);
    sendError(context, error);
    this.#note(context, { model: null, key: null, outcome: error.code, status: error.spec.status });
  }

  /** The model of that name, for what is answered without a slot. Throws model_not_found, or why nothing is admitted. */
  find(name: string): ModelEntry {
    const refusal = this.#refusal();
    if (refusal !== null) throw refusal;
    const { directory } = this.options;
    const entry = directory.find(name);
    if (entry === undefined) throw modelNotFound(name, directory.names());
    return entry;
  }

  /** Notes a request for a model that was answered without a backend. */
  answered(context: ReplyContext, by: { readonly model: string; readonly key: KeySettings | null }): void {
    this.#note(context, { ...by, outcome: 'answered', status: context.res.statusCode });
  }

  #note({ req, requestId, res }: ReplyContext, { model, key, outcome, status }: Noted): void {
    const { method = '', url = '' } = req;
    const head = { method, path: url.split('?', 1)[0]! };
    this.options.onAccess({
      ...identify({ requestId, res, head, key }, model, outcome),
      status,
      ...{ waitMs: 0, coldMs: 0, firstByteMs: null, totalMs: 0, bytes: 0, retries: 0 },
    });
  }

  /** model -> revision, or model_not_found with the names there are. */
  route(passage: Passage, intent: Intent): void {
    const { directory } = this.options;
    const entry = directory.find(intent.model);
    if (entry === undefined) passage.refuse(modelNotFound(intent.model, directory.names()));
    else passage.routed(intent, entry);
  }

  /** Enters the gate: a permit at once, a refusal, or null for the queue (then `passage.granted` or `refused`). */
  enter(passage: Passage, entry: ModelEntry): void {
    const entered = passage.attempts === 0 ? entry.gate.enter(passage) : entry.gate.requeue(passage);
    if (entered instanceof Permit) passage.granted(entered);
    else if (entered !== null) passage.refused(entered);
    else passage.wait();
  }

  /** Hands waiters that left another gate to `entry`, in their order. */
  move(waiters: readonly Waiter[], entry: ModelEntry): void {
    for (const waiter of waiters) if (waiter instanceof Passage) waiter.moveTo(entry);
  }

  /** The request has ended, one way or the other. */
  leave(passage: Passage, facts: AccessFacts): void {
    if (!this.#passages.delete(passage)) return;
    this.options.onAccess(facts);
    if (this.#passages.size === 0) this.#onEmpty?.();
  }

  /** Has the operator told of what is the gateway's own fault: a bug, a disk that refuses the spool. */
  tellFault(error: PilotlightError): void {
    const isDiskFault = error.code === 'memory_full' && error.cause !== undefined;
    if (error.code === 'internal' || isDiskFault) this.options.onFault(error);
  }

  /** Requests on their way. */
  get size(): number {
    return this.#passages.size;
  }

  /**
   * Refuses what is new and waits for what is there, at most `drainMs` (0 = as long as it takes); what is left then
   * gets the error draining. Returns how many those were.
   */
  async drain(drainMs: number): Promise<number> {
    this.#isDraining = true;
    if (this.#passages.size === 0) return 0;
    const { clock } = this.options;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      if (drainMs > 0) clock.setTimer(clock.nowMs() + drainMs, resolve);
    });
    const left = this.#passages.list();
    const error = new PilotlightError(
      'draining',
      `the gateway is shutting down: ${drainMs} ms of drain have passed`,
    );
    for (const passage of left) passage.cut(error);
    return left.length;
  }
}
