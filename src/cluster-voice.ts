import type { ActivationEvent } from './activation/events.ts';
import type { RefusedModel } from './config/merge-models.ts';
import type { Clock } from './core/clock.ts';
import type { Discovered, Discovery } from './discovery/discovery.ts';
import type { EventRecorder } from './discovery/event-recorder.ts';
import type { ModelReporter } from './discovery/model-reporter.ts';
import { type ModelReport, refusalMessage } from './discovery/model-status.ts';
import { phasesOf } from './meter/start-phases.ts';
import type { ModelRuntime } from './model-runtime.ts';

type Snapshot = ReturnType<ModelRuntime['snapshot']>;
type Refusal = NonNullable<ModelReport['refusal']>;

/** What a voice speaks with. */
export interface ClusterVoiceOptions {
  readonly clock: Clock;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly discovery: Pick<Discovery, 'objectOf'>;
  readonly reporter: ModelReporter;
  /** What a model does now; undefined: there is none of that name. */
  snapshotOf(model: string): Snapshot | undefined;
}

const quickMs = 100;
/** Counts of requests change without an event. */
const regularMs = 2_000;

/** Tells on the objects that describe models what the gateway makes of them: in their status and as events. */
export class ClusterVoice {
  readonly #options: ClusterVoiceOptions;
  #keyByModel = new Map<string, string>();
  #refusalByKey = new Map<string, Refusal>();
  #discovered: Discovered | null = null;
  readonly #dirty = new Set<string>();
  #cancelQuick: (() => void) | null = null;
  #cancelRegular: (() => void) | null = null;

  constructor(options: ClusterVoiceOptions) {
    this.#options = options;
  }

  /** Takes what was found, and what of it lost a conflict. */
  found(discovered: Discovered, refused: readonly RefusedModel[]): void {
    this.#discovered = discovered;
    this.#judge(discovered, refused);
  }

  /** The file changed: of what was found already, this lost a conflict now. */
  judged(refused: readonly RefusedModel[]): void {
    if (this.#discovered !== null) this.#judge(this.#discovered, refused);
  }

  #judge({ models, faulty }: Discovered, refused: readonly RefusedModel[]): void {
    const before = new Set([...this.#keyByModel.values(), ...this.#refusalByKey.keys()]);
    const lossByKey = new Map(refused.map(({ key, message }) => [key, message]));
    this.#keyByModel = new Map();
    const refusalByKey = new Map<string, Refusal>();
    const served = new Set<string>();
    for (const { key, settings } of models) {
      const loss = lossByKey.get(key);
      if (loss === undefined) {
        this.#keyByModel.set(settings.name, key);
        served.add(key);
      } else refusalByKey.set(key, { reason: 'Conflict', faults: [{ path: '', message: loss }] });
    }
    for (const { key, faults } of faulty)
      refusalByKey.set(key, { reason: 'Invalid', faults: served.has(key) ? [...faults, goesOn] : faults });
    for (const [key, refusal] of refusalByKey) this.#refuse(key, refusal, served.has(key));
    this.#refusalByKey = refusalByKey;
    for (const key of [...this.#keyByModel.values(), ...refusalByKey.keys()]) before.delete(key);
    for (const key of before) this.#options.reporter.forget(key);
    for (const model of this.#keyByModel.keys()) this.#touch(model);
    this.#armRegular();
  }

  /** Something happened to a model's replicas. */
  happened(model: string, event: ActivationEvent): void {
    const key = this.#keyByModel.get(model);
    if (key === undefined) return;
    const words = wordsOf(event);
    if (words !== null) this.#record(key, words);
    this.#touch(model);
  }

  close(): void {
    this.#cancelQuick?.();
    this.#cancelRegular?.();
  }

  #refuse(key: string, refusal: Refusal, isServed: boolean): void {
    const message = refusalMessage(refusal);
    const before = this.#refusalByKey.get(key);
    const isNew = JSON.stringify(before) !== JSON.stringify(refusal);
    if (isNew) this.#record(key, { type: 'Warning', reason: refusal.reason, message });
    if (!isServed) this.#options.reporter.update({ ...nothing, key, refusal, reason: message });
  }

  #record(key: string, words: Words): void {
    const { recorder, discovery } = this.#options;
    const object = discovery.objectOf(key);
    if (object !== undefined) recorder.record({ object, ...words });
  }

  /** Told within a call of activation: looked at after it. */
  #touch(model: string): void {
    const { clock } = this.#options;
    this.#dirty.add(model);
    this.#cancelQuick ??= clock.setTimer(clock.nowMs() + quickMs, () => {
      this.#cancelQuick = null;
      for (const dirty of this.#dirty) this.#report(dirty);
      this.#dirty.clear();
    });
  }

  #armRegular(): void {
    this.#cancelRegular?.();
    this.#cancelRegular = null;
    if (this.#keyByModel.size === 0) return;
    const { clock } = this.#options;
    this.#cancelRegular = clock.setTimer(clock.nowMs() + regularMs, () => {
      for (const model of this.#keyByModel.keys()) this.#report(model);
      this.#armRegular();
    });
  }

  #report(model: string): void {
    const key = this.#keyByModel.get(model);
    const snapshot = this.#options.snapshotOf(model);
    if (key === undefined || snapshot === undefined) return;
    const refusal = this.#refusalByKey.get(key) ?? null;
    this.#options.reporter.update({ ...reportOf(key, snapshot), refusal });
  }
}

interface Words {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Said of a faulty object whose model is served as it was before. */
const goesOn = { path: '', message: 'what was accepted before goes on' };

const nothing = {
  phase: 'Refused',
  replicas: 0,
  readyReplicas: 0,
  waiting: 0,
  inFlight: 0,
  lastColdStart: null,
  etaMs: null,
  step: null,
  conditions: [],
};

/** What `kubectl describe` says of an event; null: nothing. */
function wordsOf(event: ActivationEvent): Words | null {
  switch (event.type) {
    case 'woken':
      return { type: 'Normal', reason: 'Woken', message: event.reason };
    case 'ready':
      return { type: 'Normal', reason: 'Ready', message: readyWords(event) };
    case 'start-failed':
      return { type: 'Warning', reason: 'StartFailed', message: event.reason };
    case 'to-zero':
      return { type: 'Normal', reason: 'ScaledToZero', message: event.reason };
    case 'scaled-by-others':
      return {
        type: 'Normal',
        reason: 'ScaledByOthers',
        message: `${event.replicas} replicas were asked for by others`,
      };
    case 'condition':
      return event.isPresent ? { type: 'Warning', reason: event.condition, message: event.message } : null;
    default:
      return null;
  }
}

function readyWords({ replicaId, totalMs, steps }: Extract<ActivationEvent, { type: 'ready' }>): string {
  const phases = phasesOf(steps).map(({ name, durationMs }) => `${name} ${seconds(durationMs)}`);
  return `${replicaId} is ready after ${seconds(totalMs)}: ${phases.join(', ')}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)}s`;
}

/** A runtime's snapshot as the status of its object. */
function reportOf(key: string, snapshot: Snapshot): Omit<ModelReport, 'refusal'> {
  const { state, step, etaMs, replicas, desired, queue, inFlight, failure, conditions, lastStarts } =
    snapshot;
  const last = lastStarts.find(({ outcome }) => outcome === 'ready');
  const slowest = phasesOf(last?.steps ?? []).toSorted((a, b) => b.durationMs - a.durationMs)[0];
  return {
    key,
    phase: `${state[0]?.toUpperCase()}${state.slice(1)}`,
    replicas: desired ?? replicas.length,
    readyReplicas: replicas.filter((replica) => replica.state === 'ready').length,
    waiting: queue.waiting,
    inFlight,
    lastColdStart:
      last === undefined
        ? null
        : { atMs: last.startedAtMs, totalMs: last.totalMs ?? 0, slowestStep: slowest?.name ?? null },
    etaMs,
    step,
    reason: failure?.reason ?? snapshot.detail,
    conditions,
  };
}
