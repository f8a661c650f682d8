import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ActivationEvent } from '../src/activation/events.ts';
import { ClusterVoice, type ClusterVoiceOptions } from '../src/cluster-voice.ts';
import type { Discovered } from '../src/discovery/discovery.ts';
import type { ObjectEvent } from '../src/discovery/event-recorder.ts';
import type { ModelReport } from '../src/discovery/model-status.ts';
import type { SourceObject } from '../src/discovery/projection.ts';
import { ManualClock } from './support/manual-clock.ts';

type Snapshot = NonNullable<ReturnType<ClusterVoiceOptions['snapshotOf']>>;

const key = 'model llm/llama';
const fault = { path: 'spec.scale.max', message: 'must be a number' };
const good = {
  models: [{ key, source: 'model', createdAtMs: 0, settings: { name: 'llama' } }],
  faulty: [],
} as unknown as Discovered;
const bad: Discovered = { models: [], faulty: [{ key, faults: [fault] }] };
const nothing: Discovered = { models: [], faulty: [] };
const lost = [{ key, source: 'model', message: 'llama is a model of the file' }] as const;

let clock: ManualClock;
let snapshot: Snapshot;
let told: Map<string, ModelReport>;
let events: ObjectEvent[];
let voice: ClusterVoice;

beforeEach(() => {
  clock = new ManualClock();
  [told, events] = [new Map(), []];
  snapshot = {
    ...{ state: 'cold', step: null, detail: null, etaMs: null, replicas: [], desired: 0, inFlight: 0 },
    ...{ queue: { waiting: 0 }, failure: null, conditions: [], lastStarts: [] },
  } as unknown as Snapshot;
  const object = { apiVersion: 'v', kind: 'Model', namespace: 'llm', name: 'llama', uid: 'u' };
  voice = new ClusterVoice({
    clock,
    snapshotOf: (model) => (model === 'llama' ? snapshot : undefined),
    discovery: { objectOf: (asked) => (asked === key ? (object as SourceObject) : undefined) },
    reporter: {
      update: (report) => told.set(report.key, report),
      forget: (gone) => told.delete(gone),
      close: async () => undefined,
    },
    recorder: { record: (event) => events.push(event) },
  });
});
afterEach(() => voice.close());

const words = () => events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
const happened = (event: ActivationEvent) => voice.happened('llama', event);

describe('the voice of a gateway in its cluster', () => {
  it('tells what a model does a moment after it changed, and its counts each two seconds', async () => {
    voice.found(good, []);
    await clock.advance(100);
    expect(told.get(key)).toMatchObject({ refusal: null, phase: 'Cold', replicas: 0, waiting: 0 });
    snapshot = { ...snapshot, queue: { ...snapshot.queue, waiting: 7 } };
    await clock.advance(2_000);
    expect(told.get(key)).toMatchObject({ waiting: 7 });
    snapshot = { ...snapshot, state: 'starting', desired: 2, etaMs: 9_000, step: 'image pulling' };
    happened({ type: 'woken', reason: 'a request waits' });
    await clock.advance(100);
    expect(told.get(key)).toMatchObject({
      phase: 'Starting',
      replicas: 2,
      etaMs: 9_000,
      step: 'image pulling',
    });
    expect(events.length).toBe(1);
  });

  it('tells what is wrong with an object whose model goes on, beside what the model does', async () => {
    voice.found(good, []);
    voice.found({ models: good.models, faulty: bad.faulty }, []);
    await clock.advance(100);
    const faults = [fault, { path: '', message: 'what was accepted before goes on' }];
    expect(told.get(key)).toMatchObject({ phase: 'Cold', refusal: { reason: 'Invalid', faults } });
    expect(words()).toEqual([
      'Warning Invalid: spec.scale.max: must be a number; what was accepted before goes on',
    ]);
    voice.found(good, []);
    await clock.advance(100);
    expect(told.get(key)).toMatchObject({ phase: 'Cold', refusal: null });
  });

  it('tells the last cold start with what took the longest', async () => {
    const steps = [
      { name: 'scheduled', offsetMs: 100 },
      { name: 'image pulled', offsetMs: 4_100 },
      { name: 'ready', offsetMs: 4_200 },
    ];
    const failed = { outcome: 'failed', startedAtMs: 9, totalMs: 1, steps: [] };
    const ready = { outcome: 'ready', startedAtMs: 5, totalMs: 4_200, steps };
    snapshot = { ...snapshot, lastStarts: [failed, ready] as unknown as Snapshot['lastStarts'] };
    voice.found(good, []);
    await clock.advance(100);
    expect(told.get(key)?.lastColdStart).toEqual({ atMs: 5, totalMs: 4_200, slowestStep: 'image pulled' });
    happened({ type: 'ready', replicaId: 'pod-a', totalMs: 4_200, steps });
    expect(words()).toEqual([
      'Normal Ready: pod-a is ready after 4.20s: scheduled 0.10s, image pulled 4.00s, ready 0.10s',
    ]);
  });

  it('tells a fault and a lost conflict once each, and again when it is another', () => {
    voice.found(bad, []);
    voice.found(bad, []);
    expect(words()).toEqual(['Warning Invalid: spec.scale.max: must be a number']);
    expect(told.get(key)).toMatchObject({
      phase: 'Refused',
      refusal: { reason: 'Invalid', faults: [fault] },
    });
    voice.found(good, lost);
    voice.judged(lost);
    expect(words().slice(1)).toEqual(['Warning Conflict: llama is a model of the file']);
    expect(told.get(key)).toMatchObject({ phase: 'Refused', refusal: { reason: 'Conflict' } });
  });

  it('takes a refusal back when the file changed, and gives one', async () => {
    voice.judged(lost);
    expect(told.size).toBe(0);
    voice.found(good, lost);
    voice.judged([]);
    await clock.advance(100);
    expect(told.get(key)).toMatchObject({ refusal: null, phase: 'Cold' });
    voice.judged(lost);
    expect(told.get(key)).toMatchObject({ refusal: { reason: 'Conflict' } });
    await clock.advance(10_000);
    expect(told.get(key)).toMatchObject({ refusal: { reason: 'Conflict' } });
    expect(events.length).toBe(2);
  });

  it('forgets what is gone, of which nothing is told any more', async () => {
    voice.found(good, []);
    await clock.advance(100);
    voice.found(nothing, []);
    expect(told.size).toBe(0);
    happened({ type: 'to-zero', reason: 'idle' });
    await clock.advance(10_000);
    expect([told.size, events.length, clock.pendingTimers]).toEqual([0, 0, 0]);
  });

  it('says of a model that starts, fails, ends and is meddled with what people should see', () => {
    voice.found(good, []);
    happened({ type: 'woken', reason: 'a request waits' });
    happened({ type: 'scaled', replicas: 1, reason: 'woken' });
    const failure = { replicaId: null, totalMs: 1, phase: null, fault: null, retryInMs: 1, output: [] };
    happened({ type: 'start-failed', reason: 'no GPU', ...failure });
    happened({ type: 'to-zero', reason: 'idle for 5m' });
    happened({ type: 'scaled-by-others', replicas: 3 });
    const condition = {
      type: 'condition',
      condition: 'ReplicasContested',
      message: 'argo resets it',
    } as const;
    happened({ ...condition, isPresent: true });
    happened({ ...condition, isPresent: false });
    expect(words()).toEqual([
      'Normal Woken: a request waits',
      'Warning StartFailed: no GPU',
      'Normal ScaledToZero: idle for 5m',
      'Normal ScaledByOthers: 3 replicas were asked for by others',
      'Warning ReplicasContested: argo resets it',
    ]);
    expect(events[0]?.object).toMatchObject({ kind: 'Model', uid: 'u' });
  });
});
