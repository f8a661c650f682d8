import type { Registry } from 'prom-client';
import { type SignalWish, signalNames } from '../core/signals.ts';
import { Gauge } from './prom-core.ts';

/** What of a revision is read at the moment of a scrape. */
export interface ModelGauges {
  readonly waiting: number;
  readonly waitingBytes: number;
  /** 0 when nobody waits. */
  readonly oldestWaitMs: number;
  readonly inFlight: number;
  /** Open connections to its replicas. */
  readonly connections: number;
  /** One of `modelStates`. */
  readonly state: string;
  /** Each one of `replicaStates`. */
  readonly replicaStates: readonly string[];
  /** What signals asked for at the last decision. */
  readonly signals: readonly SignalWish[];
}

/** The gauges of all revisions, by model: one that has several of them comes several times. */
export type ReadModels = () => Iterable<readonly [string, ModelGauges]>;

/** What a revision can be doing (activation/states.ts), or that an operator paused it. */
export const modelStates = ['cold', 'starting', 'ready', 'asleep', 'draining', 'failed', 'paused'] as const;
/** What a replica can be doing (activation/replica-host.ts). */
export const replicaStates = [
  'starting',
  'ready',
  'suspect',
  'dozing',
  'asleep',
  'waking',
  'draining',
  'ending',
] as const;

type Value = (gauges: ModelGauges) => number;

/** Registers what is read of each model. */
export function registerModelGauges(registry: Registry, read: ReadModels): void {
  const models = readOnce(read);
  const summed = (name: string, help: string, value: Value) =>
    registerGauge({ registry, name, help, models, value, join: (a, b) => a + b });
  summed('pilotlight_queue_requests', 'Requests that wait.', (m) => m.waiting);
  summed('pilotlight_queue_bytes', 'Bytes of the bodies of requests that wait.', (m) => m.waitingBytes);
  registerGauge({
    registry,
    name: 'pilotlight_queue_oldest_seconds',
    help: 'How long the oldest of the waiting requests has waited; 0 when none waits.',
    models,
    value: (m) => m.oldestWaitMs / 1000,
    join: Math.max,
  });
  summed('pilotlight_in_flight_requests', 'Requests at replicas.', (m) => m.inFlight);
  summed('pilotlight_upstream_connections', 'Open connections to replicas.', (m) => m.connections);
  registerSignals(registry, models);
  registerStates(registry, models, {
    name: 'pilotlight_revisions',
    help: 'Revisions of a model',
    states: modelStates,
    statesOf: ({ state }) => [state],
  });
  registerStates(registry, models, {
    name: 'pilotlight_replicas',
    help: 'Replicas',
    states: replicaStates,
    statesOf: (m) => m.replicaStates,
  });
}

/** A registry collects all of its metrics in one go: what they share is read once for it. */
function readOnce(read: ReadModels): ReadModels {
  let known: Iterable<readonly [string, ModelGauges]> | null = null;
  return () => {
    if (known !== null) return known;
    known = [...read()];
    queueMicrotask(() => {
      known = null;
    });
    return known;
  };
}

interface GaugeOptions {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  readonly models: ReadModels;
  readonly value: Value;
  /** Makes one value of two revisions'. */
  readonly join: (a: number, b: number) => number;
}

function registerGauge({ registry, name, help, models, value, join }: GaugeOptions): void {
  new Gauge({
    name,
    help,
    labelNames: ['model'],
    registers: [registry],
    collect() {
      const byModel = new Map<string, number>();
      for (const [model, gauges] of models()) {
        const before = byModel.get(model);
        byModel.set(model, before === undefined ? value(gauges) : join(before, value(gauges)));
      }
      this.reset();
      for (const [model, joined] of byModel) this.set({ model }, joined);
    },
  });
}

function registerSignals(registry: Registry, models: ReadModels): void {
  new Gauge({
    name: 'pilotlight_scale_signal_replicas',
    help: `Replicas that a signal of scale.signals asks for; absent while it says nothing: ${signalNames.join(', ')}.`,
    labelNames: ['model', 'signal'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [model, { signals }] of models())
        for (const { signal, count } of signals) this.inc({ model, signal }, count);
    },
  });
}

interface StatesOptions {
  readonly name: string;
  readonly help: string;
  readonly states: readonly string[];
  readonly statesOf: (gauges: ModelGauges) => readonly string[];
}

/** One gauge for each state, zero where nothing is in it. */
function registerStates(registry: Registry, models: ReadModels, options: StatesOptions): void {
  const { name, help, states, statesOf } = options;
  new Gauge({
    name,
    help: `${help}, by state: ${states.join(', ')}.`,
    labelNames: ['model', 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [model, gauges] of models()) {
        for (const state of states) this.inc({ model, state }, 0);
        for (const state of statesOf(gauges)) this.inc({ model, state });
      }
    },
  });
}
