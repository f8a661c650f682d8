import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate } from './admission/gate.ts';
import { Permit } from './admission/permit.ts';
import type { Waiter } from './admission/waiter.ts';
import type { KeySettings, ModelSettings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import { PilotlightError } from './core/errors.ts';
import type { ReplicaReport, WakeInfo } from './core/gate.ts';
import type { Dialect, Intent, IntentParser, RequestHead } from './core/protocol.ts';
import type { FlatHeaders } from './forward/headers.ts';
import type { HeldMemory } from './forward/held-memory.ts';
import type { StallWatch } from './forward/stall-watch.ts';
import type { UpgradeRequest } from './forward/tunnel.ts';
import type { Upstreams } from './forward/upstreams.ts';
import type { Watchdog } from './forward/watchdog.ts';
import type { AccessFacts } from './meter/log.ts';
import type { ModelMeter } from './meter/model-meter.ts';
import { Passage } from './passage.ts';
import { modelNotFound } from './protocols/model-name.ts';

/** A configured model as the data path sees it. */
export interface ModelEntry {
  readonly settings: ModelSettings;
  readonly gate: Gate;
  readonly upstreams: Upstreams;
  readonly meter: ModelMeter;
  readonly stallWatch: StallWatch;
  wakeInfo(): WakeInfo;
  report(replicaId: string, report: ReplicaReport): void;
}

/** Where a model stands, in a word for one who waits for it. */
export function phaseOf({ state, step }: WakeInfo): string {
  return state === 'ready' ? 'waiting' : (step ?? state);
}

/** Finds models by the name or alias that a client used. */
export interface Directory {
  find(name: string): ModelEntry | undefined;
  names(): readonly string[];
}

/** A request as the listener hands it over. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly head: RequestHead;
  readonly dialect: Dialect;
  readonly requestId: string;
  readonly key: KeySettings | null;
  /** Fields for every answer (CORS). */
  readonly extraHeaders: FlatHeaders;
  /** Reads the model out of the body; null when `intent` is known from the head. */
  readonly parser: IntentParser | null;
  readonly intent: Intent | null;
  /** The path and query to send on. */
  readonly forwardPath: string;
  /** The client asks to switch to WebSocket; `res` serves only for refusals then. */
  readonly upgrade: UpgradeRequest | null;
}

/** What the data path is built from. */
export interface PipelineOptions {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly held: HeldMemory;
  readonly watchdog: Watchdog;
  readonly maxBodyBytes: () => number;
  readonly dropCredentials: () => boolean;
  readonly onAccess: (facts: AccessFacts) => void;
  readonly onInternalError: (error: unknown) => void;
}

/**
 * A request's way:
 *
 *     listener -> authenticate -> protocol.parse -> route (model -> revision) -> gate.enter -> forward -> meter
 *
 * The listener (src/http) has authenticated and found the protocol; each method of Passage below is one further step.
 */
export class Pipeline {
  readonly options: PipelineOptions;
  readonly #passages = new Set<Passage>();
  #isDraining = false;
  #onEmpty: (() => void) | null = null;

  constructor(options: PipelineOptions) {
    this.options = options;
  }

  /** Takes a request; every outcome is written to its response. Never throws. */
  handle(arrival: Arrival): void {
    const passage = new Passage(this, arrival);
    this.#passages.add(passage);
    if (this.#isDraining) passage.refuse(new PilotlightError('draining', 'the gateway is shutting down'));
    else passage.parse();
  }

  /** model -> revision, or model_not_found with the names there are. */
  route(intent: Intent): ModelEntry | PilotlightError {
    const { directory } = this.options;
    return directory.find(intent.model) ?? modelNotFound(intent.model, directory.names());
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
    const left = [...this.#passages];
    const error = new PilotlightError(
      'draining',
      `the gateway is shutting down: ${drainMs} ms of drain have passed`,
    );
    for (const passage of left) passage.cut(error);
    return left.length;
  }
}
