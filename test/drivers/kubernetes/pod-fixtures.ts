import type { KubernetesBackend } from '../../../src/config/settings.ts';
import type { EventView } from '../../../src/drivers/kubernetes/fault-events.ts';
import { projectEvent } from '../../../src/drivers/kubernetes/fault-events.ts';
import { type PodView, projectPod } from '../../../src/drivers/kubernetes/pod-view.ts';

type Json = Record<string, unknown>;

/** Second 0 of every test; the API gives whole seconds. */
export const startMs = Date.parse('2026-03-01T10:00:00Z');

/** The time that many seconds after the pod's start, as the API writes it. */
export function at(seconds: number): string {
  return new Date(startMs + seconds * 1_000).toISOString().replace('.000Z', 'Z');
}

export interface PodParts {
  readonly metadata?: Json;
  readonly spec?: Json;
  readonly status?: Json;
  /** Of the container "main". */
  readonly main?: Json;
  /** Its status. */
  readonly mainStatus?: Json;
}

/** A pod of a Deployment as the API gives it: bound to a node, its container not there yet. */
export function podObject({ metadata, spec, status, main, mainStatus }: PodParts = {}): Json {
  const hasNode = spec === undefined || !('schedulingGates' in spec || 'nodeName' in spec);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'llama-7d9c5b8f6-x2x7k',
      namespace: 'llm',
      uid: 'uid-1',
      resourceVersion: '41',
      creationTimestamp: at(0),
      labels: { app: 'llama' },
      ownerReferences: [{ kind: 'ReplicaSet', name: 'llama-7d9c5b8f6', uid: 'uid-rs', controller: true }],
      ...metadata,
    },
    spec: {
      ...(hasNode ? { nodeName: 'gpu-1' } : {}),
      containers: [
        { name: 'main', image: 'vllm/vllm-openai:v0.9.1', ports: [{ containerPort: 8000 }], ...main },
      ],
      ...spec,
    },
    status: {
      phase: 'Pending',
      startTime: at(0),
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(0) }],
      containerStatuses: [
        { name: 'main', ready: false, restartCount: 0, state: waiting('ContainerCreating'), ...mainStatus },
      ],
      ...status,
    },
  };
}

/** The view of such a pod. */
export function pod(parts: PodParts = {}): PodView {
  return projectPod(podObject(parts))!;
}

/** One that no node was found for, in the scheduler's words. */
export function unscheduled(message: string, reason = 'Unschedulable'): PodView {
  return pod({
    spec: { nodeName: '' },
    status: {
      containerStatuses: [],
      startTime: undefined,
      conditions: [{ type: 'PodScheduled', status: 'False', reason, message, lastTransitionTime: at(0) }],
    },
  });
}

export function waiting(reason: string, message?: string): Json {
  return { waiting: { reason, ...(message === undefined ? {} : { message }) } };
}

/** A run that began and ended at these seconds. */
export function exited(exitCode: number, parts: Json = {}): Json {
  return {
    terminated: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: at(1),
      finishedAt: at(4),
      ...parts,
    },
  };
}

/** An event of core/v1 about the pod of `podObject`. */
export function event(reason: string, message: string, parts: Json = {}): EventView {
  const { involvedObject, ...rest } = parts;
  return projectEvent({
    metadata: { name: `llama.${reason}`, namespace: 'llm', uid: `uid-${reason}`, resourceVersion: '7' },
    involvedObject: { kind: 'Pod', name: 'llama-7d9c5b8f6-x2x7k', uid: 'uid-1', ...(involvedObject as Json) },
    type: 'Warning',
    reason,
    message,
    count: 1,
    lastTimestamp: at(2),
    ...rest,
  })!;
}

export function backend(parts: Partial<KubernetesBackend> = {}): KubernetesBackend {
  return {
    driver: 'kubernetes',
    namespace: 'llm',
    scaleTarget: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'llama' },
    service: null,
    port: null,
    route: 'pod',
    trust: 'auto',
    probeFrom: 'pod',
    owner: 'pilotlight',
    capacityTimeoutMs: 120_000,
    ...parts,
  };
}
