import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate } from './admission/gate.ts';
import type { Waiter } from './admission/waiter.ts';
import type { KeySettings, ModelSettings } from './config/settings.ts';
import type { BagItem } from './core/bag.ts';
import type { Clock } from './core/clock.ts';
import type { PilotlightError } from './core/errors.ts';
import type { ReplicaReport, WakeInfo } from './core/gate.ts';
import type { Dialect, Intent, IntentParser, RequestHead, WaitState } from './core/protocol.ts';
import type { FlatHeaders } from './forward/headers.ts';
import type { HeldMemory } from './forward/held-memory.ts';
import type { StallWatch } from './forward/stall-watch.ts';
import type { UpgradeRequest } from './forward/tunnel.ts';
import type { Upstreams } from './forward/upstreams.ts';
import type { Watchdog } from './forward/watchdog.ts';
import type { AccessFacts } from './meter/log.ts';
import type { ModelMeter } from './meter/model-meter.ts';

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
  /** The path and query to send on. */
  readonly forwardPath: string;
  /** The answer is JSON, and may begin with white space. */
  readonly isJson: boolean;
  /** The client asks to switch to WebSocket; `res` serves only for refusals then. */
  readonly upgrade: UpgradeRequest | null;
}

/** How the model of a request becomes known: at once from its head, or by a parser from its body. */
export type Naming = Intent | IntentParser;

/** A configured model as the data path sees it. */
export interface ModelEntry {
  readonly settings: ModelSettings;
  readonly gate: Gate;
  readonly upstreams: Upstreams;
  readonly meter: ModelMeter;
  readonly stallWatch: StallWatch;
  /** Replicas that take requests. */
  readonly readyReplicas: number;
  wakeInfo(): WakeInfo;
  /** Somebody asks ahead: it is woken as for a request, without a slot. Returns why it cannot be, or null. */
  wake(): PilotlightError | null;
  report(replicaId: string, report: ReplicaReport): void;
  /** Somebody who waited for a start got the head of an answer; returns the phases of that start for its timings. */
  firstByte(replicaId: string): string | null;
}

/** A request on its way, in whichever version of HTTP: its own waiter, in the gate of the entry that it was led to. */
export interface Traveller extends Waiter, BagItem {
  /** The version in which its backend has to be asked. */
  readonly httpVersion: 1 | 2;
  /** Attempts that were undone because the replica processed nothing. */
  readonly attempts: number;
  /** Its model is known: it goes to that model's gate. */
  routed(intent: Intent, entry: ModelEntry): void;
  /** It is in the queue. */
  wait(): void;
  /** Its model got new replicas while it waited: it goes on waiting at their gate. */
  moveTo(entry: ModelEntry): void;
  /** Ends it with an error, whatever step it is in. */
  refuse(thrown: unknown): void;
  /** As `refuse`, out of wherever it is: the queue, or a replica. */
  cut(error: unknown): void;
}

/** What one is told who waits for a model. */
export function waitState(entry: ModelEntry, waiter: Waiter): WaitState {
  const { state, step, detail, etaMs } = entry.wakeInfo();
  const position = entry.gate.position(waiter);
  return { position, phase: state === 'ready' ? 'waiting' : (step ?? state), detail, etaMs };
}

/** Milliseconds between two heartbeats to one who waits; 0 = none. */
export function heartbeatMs({ heartbeat }: ModelSettings, isStream: boolean, isJson: boolean): number {
  if (isStream) return heartbeat.streamMs;
  return isJson ? heartbeat.jsonMs : 0;
}

/** What a passage works with. */
export interface PassageContext {
  readonly clock: Clock;
  readonly held: HeldMemory;
  readonly watchdog: Watchdog;
  readonly maxBodyBytes: () => number;
  readonly dropCredentials: () => boolean;
}

/** The steps of a request that lead on to something else than itself. */
export interface PassageHost<Passage> {
  readonly options: PassageContext;
  route(passage: Passage, intent: Intent): void;
  enter(passage: Passage, entry: ModelEntry): void;
  leave(passage: Passage, facts: AccessFacts): void;
  tellFault(error: PilotlightError): void;
}

/** Whose request it is, what it asks for and what came of it, for its line in the log. */
export function identify(
  {
    requestId,
    key,
    head,
    res,
  }: Pick<Arrival, 'requestId' | 'key' | 'res'> & {
    readonly head: Pick<RequestHead, 'method' | 'path'>;
  },
  model: string | null,
  outcome: string,
): Pick<AccessFacts, 'requestId' | 'method' | 'path' | 'model' | 'key' | 'status' | 'outcome'> {
  const { method, path } = head;
  return { requestId, method, path, model, key: key?.name ?? null, status: res.statusCode, outcome };
}
