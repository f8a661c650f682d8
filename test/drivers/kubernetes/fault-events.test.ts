import { describe, expect, it } from 'vitest';
import { projectEvent } from '../../../src/drivers/kubernetes/fault-events.ts';
import { judgeOwner } from '../../../src/drivers/kubernetes/fault-owner.ts';
import { at, event, startMs } from './pod-fixtures.ts';

const metadata = { name: 'e', namespace: 'llm', uid: 'e-1', resourceVersion: '9', creationTimestamp: at(1) };
const about = { kind: 'Pod', name: 'llama-0', uid: 'p-1' };
const projected = (parts: Record<string, unknown>) =>
  projectEvent({ metadata, involvedObject: about, reason: 'Pulled', type: 'Normal', message: 'm', ...parts });

describe('view of an event', () => {
  it('reads those of core/v1', () => {
    const view = projected({
      involvedObject: { ...about, fieldPath: 'spec.initContainers{weights}' },
      count: 4,
      firstTimestamp: at(2),
      lastTimestamp: at(8),
    });
    expect(view).toEqual({
      uid: 'e-1',
      namespace: 'llm',
      name: 'e',
      resourceVersion: '9',
      about,
      container: 'weights',
      type: 'Normal',
      reason: 'Pulled',
      message: 'm',
      count: 4,
      lastMs: startMs + 8_000,
    });
  });

  it('reads those of events.k8s.io/v1', () => {
    const view = projectEvent({
      metadata,
      regarding: about,
      reason: 'FailedScheduling',
      type: 'Warning',
      note: 'no room',
      eventTime: at(2),
      series: { count: 3, lastObservedTime: at(9) },
      deprecatedCount: 1,
    });
    expect(view).toMatchObject({
      about,
      message: 'no room',
      count: 3,
      lastMs: startMs + 9_000,
      type: 'Warning',
    });
  });

  it('takes the best time there is', () => {
    expect(projected({ eventTime: '2026-03-01T10:00:05.250000Z', lastTimestamp: null })?.lastMs).toBe(
      startMs + 5_250,
    );
    expect(projected({ deprecatedLastTimestamp: at(4) })?.lastMs).toBe(startMs + 4_000);
    expect(projected({})?.lastMs).toBe(startMs + 1_000);
    expect(projected({ metadata: { ...metadata, creationTimestamp: 'soon' } })?.lastMs).toBe(0);
  });

  it('is null for what no start depends on', () => {
    const of = (kind: string, parts: Record<string, unknown> = {}) =>
      projected({ involvedObject: { kind, name: 'x', uid: 'u' }, type: 'Warning', ...parts });
    expect(['Node', 'HorizontalPodAutoscaler', 'Service', 'CronJob'].map((kind) => of(kind))).toEqual(
      Array(4).fill(null),
    );
    expect(projected({ reason: 'Unhealthy', type: 'Warning' })).toBeNull();
    expect(of('Deployment', { type: 'Normal', reason: 'ScalingReplicaSet' })).toBeNull();
    expect(projected({ reason: '' })).toBeNull();
    expect(projected({ involvedObject: {} })).toBeNull();
  });

  it('keeps faults of controllers of any kind, their successes at creating, and those of a Knative Service', () => {
    const of = (kind: string, parts: Record<string, unknown>) =>
      projected({
        involvedObject: { kind, name: 'x', uid: 'u', ...parts },
        type: 'Warning',
        reason: 'FailedCreate',
      });
    expect(['ReplicaSet', 'LeaderWorkerSet', 'Rollout'].map((kind) => of(kind, {})?.about.kind)).toEqual([
      'ReplicaSet',
      'LeaderWorkerSet',
      'Rollout',
    ]);
    expect(of('Service', { apiVersion: 'serving.knative.dev/v1' })).not.toBeNull();
    const created = {
      involvedObject: { kind: 'ReplicaSet', name: 'x', uid: 'u' },
      reason: 'SuccessfulCreate',
    };
    expect(projected(created)).not.toBeNull();
  });
});

describe('judge of owners', () => {
  const ofReplicaSet = {
    involvedObject: { kind: 'ReplicaSet', name: 'llama-7d9c5b8f6', uid: 'rs-1', apiVersion: 'apps/v1' },
  };
  const failure = (message: string, parts: Record<string, unknown> = {}) =>
    event('FailedCreate', message, { ...ofReplicaSet, ...parts });

  it.each([
    [
      'quota',
      'Error creating: pods "llama-7d9c5b8f6-2wm8j" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4',
    ],
    [
      'quota',
      '(combined from similar events): Error creating: pods "llama-2wm8j" is forbidden: exceeded quota: namespace-quota, requested: limits.cpu=1, used: limits.cpu=6, limited: limits.cpu=6',
    ],
    [
      'quota',
      'create Pod llama-0 in StatefulSet llama failed error: pods "llama-0" is forbidden: failed quota: fpl-quota: must specify requests.cpu,requests.memory',
    ],
    [
      'admission',
      'Error creating: admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/llm/llama was blocked',
    ],
    [
      'admission',
      'Error creating: pods "llama-2dd4n" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    ],
    [
      'admission',
      "Error creating: pods \"llama-x\" is forbidden: ValidatingAdmissionPolicy 'gpu' with binding 'gpu' denied request: no team label",
    ],
    [
      'admission',
      'Error creating: pods "llama-x" is forbidden: maximum memory usage per Container is 8Gi, but limit is 80Gi',
    ],
    [
      'admission',
      'Error creating: Pod "llama-x" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      'missing',
      'Error creating: pods "llama-" is forbidden: error looking up service account llm/llama: serviceaccount "llama" not found',
    ],
    ['missing', 'Error creating: pods "llama-" is forbidden: no PriorityClass with name gpu-high was found'],
    ['missing', 'Error creating: pods "llama-" is forbidden: pod rejected: RuntimeClass "nvidia" not found'],
    [
      'forbidden',
      'Error creating: pods is forbidden: User "system:serviceaccount:lws-system:lws" cannot create resource "pods" in API group "" in the namespace "llm"',
    ],
  ])('tells %s: %s', (fault, message) => {
    const verdict = judgeOwner([failure(message)]);
    expect(verdict).toMatchObject({ fault, isTerminal: true });
    expect(verdict?.reason).toMatch(
      /^ReplicaSet "llama-7d9c5b8f6" creates no pod: (?!Error creating|\(combined)/,
    );
  });

  it.each([
    'Error creating: Internal error occurred: failed calling webhook "mutate.io": Post "https://x.svc:443/": dial tcp 10.0.0.1:443: connect: connection refused',
    'Error creating: etcdserver: request timed out',
    'Error creating: something that nobody has heard of',
  ])('does not give up over %s', (message) => {
    const verdict = judgeOwner([failure(message)]);
    expect(verdict).toMatchObject({ isTerminal: false });
    expect(verdict?.fault).toBeUndefined();
  });

  it('goes by the newest event, and is content once a pod was created', () => {
    const early = failure('Error creating: pods "x" is forbidden: exceeded quota: a');
    const late = failure('Error creating: pods "x" is forbidden: exceeded quota: b', {
      lastTimestamp: at(9),
    });
    const created = (seconds: number) =>
      event('SuccessfulCreate', 'Created pod: llama-x', {
        ...ofReplicaSet,
        type: 'Normal',
        lastTimestamp: at(seconds),
      });
    expect(judgeOwner([late, early])?.reason).toContain('quota: b');
    expect(judgeOwner([late, created(12)])).toBeNull();
    expect(judgeOwner([late, created(9)])).not.toBeNull();
    expect(judgeOwner([created(1)])).toBeNull();
    expect(judgeOwner([])).toBeNull();
  });
});
