import { Permit } from './admission/permit.ts';
import type { Waiter } from './admission/waiter.ts';
import {
  type Arrival,
  identify,
  type ModelEntry,
  type Naming,
  type PassageContext,
  type PassageHost,
  type Traveller,
} from './arrival.ts';
import type { KeySettings } from './config/settings.ts';
import { Bag } from './core/bag.ts';
import { PilotlightError, toPilotlightError } from './core/errors.ts';
import type { Intent } from './core/protocol.ts';
import { Errand, type ErrandOrder, type ErrandSink } from './errand.ts';
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
 * The listener (src/http) has authenticated and found the protocol; each method of a traveller below is one further step.
 * One over HTTP/1.1 is a Passage; one over HTTP/2 goes the same way (src/rpc).
 */
export class Pipeline implements PassageHost<Traveller> {
  readonly options: PipelineOptions;
  readonly #travellers = new Bag<Traveller>();
  #isDraining = false;
  #onEmpty: (() => void) | null = null;

  constructor(options: PipelineOptions) {
    this.options = options;
  }

  /** Takes a request; every outcome is written to its response. Never throws. */
  handle(arrival: Arrival, naming: Naming): void {
    const passage = new Passage(this, arrival);
    this.admit(passage);
    const { refusal } = this;
    if (refusal === null) passage.parse(naming);
    else passage.refuse(refusal);
  }

  /** Takes a request that the gateway makes itself; its sink is told of every outcome, perhaps before this returns. Never throws. */
  errand(order: ErrandOrder, sink: ErrandSink): Errand {
    const errand = new Errand(this, order, sink);
    this.admit(errand);
    const { refusal } = this;
    if (refusal === null) errand.begin();
    else errand.refuse(refusal);
    return errand;
  }

  /** From now on until it leaves it counts as one of those on their way, whether it is refused or not. */
  admit(traveller: Traveller): void {
    this.#travellers.add(traveller);
  }

  /** Why nothing is taken now; null: it is. */
  get refusal(): PilotlightError | null {
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
    const { refusal } = this;
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
  route(traveller: Traveller, intent: Intent): void {
    const { directory } = this.options;
    const entry = directory.find(intent.model);
    if (entry === undefined) traveller.refuse(modelNotFound(intent.model, directory.names()));
    else if (!speaks(entry, traveller)) traveller.refuse(wrongVersion(entry));
    else traveller.routed(intent, entry);
  }

  /** Enters the gate: a permit at once, a refusal, or null for the queue (then `passage.granted` or `refused`). */
  enter(traveller: Traveller, entry: ModelEntry): void {
    const entered = traveller.attempts === 0 ? entry.gate.enter(traveller) : entry.gate.requeue(traveller);
    if (entered instanceof Permit) traveller.granted(entered);
    else if (entered !== null) traveller.refused(entered);
    else traveller.wait();
  }

  /** Hands waiters that left another gate to `entry`, in their order. */
  move(waiters: readonly Waiter[], entry: ModelEntry): void {
    for (const waiter of waiters as readonly Traveller[]) {
      if (speaks(entry, waiter)) waiter.moveTo(entry);
      else waiter.refuse(wrongVersion(entry));
    }
  }

  /** The request has ended, one way or the other. */
  leave(traveller: Traveller, facts: AccessFacts): void {
    if (!this.#travellers.delete(traveller)) return;
    this.options.onAccess(facts);
    if (this.#travellers.size === 0) this.#onEmpty?.();
  }

  /** Has the operator told of what is the gateway's own fault: a bug, a disk that refuses the spool. */
  tellFault(error: PilotlightError): void {
    const isDiskFault = error.code === 'memory_full' && error.cause !== undefined;
    if (error.code === 'internal' || isDiskFault) this.options.onFault(error);
  }

  /** Requests on their way. */
  get size(): number {
    return this.#travellers.size;
  }

  /**
   * Refuses what is new and waits for what is there, at most `drainMs` (0 = as long as it takes); what is left then
   * gets the error draining. Returns how many those were.
   */
  async drain(drainMs: number): Promise<number> {
    this.#isDraining = true;
    if (this.#travellers.size === 0) return 0;
    const { clock } = this.options;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      if (drainMs > 0) clock.setTimer(clock.nowMs() + drainMs, resolve);
    });
    const left = this.#travellers.list();
    const error = new PilotlightError(
      'draining',
      `the gateway is shutting down: ${drainMs} ms of drain have passed`,
    );
    for (const traveller of left) traveller.cut(error);
    return left.length;
  }
}

function speaks({ settings }: ModelEntry, traveller: Traveller): boolean {
  return settings.revision.httpVersion === traveller.httpVersion;
}

function wrongVersion({ settings: { name, revision } }: ModelEntry): PilotlightError {
  const message =
    revision.httpVersion === 1
      ? `the backend of model "${name}" speaks HTTP/1.1 (backend.http: 1) and was asked over HTTP/2`
      : `the backend of model "${name}" speaks HTTP/2 only (backend.http: 2): it is asked by gRPC, or over HTTP/2 by its match rule`;
  return new PilotlightError('wrong_http_version', message);
}
