import { setTimeout as pause } from 'node:timers/promises';
import { type ApiRequest, type KubeApi, KubeError } from '../../../src/kube/api.ts';
import { nodeAddress } from '../control-plane/credentials.ts';
import { type PodObject, podPath } from './pod-object.ts';

/** What a container is in, as `state` of its status. */
export type ContainerState = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** All of a pod that changes while it is played. */
export interface PodReport {
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  reason: string;
  message: string;
  isInitialized: boolean;
  isReady: boolean;
  isStarted: boolean;
  restartCount: number;
  state: ContainerState;
  lastState: ContainerState;
  initState: ContainerState;
}

/** The state of a container that waits. */
export const waiting = (reason: string, message?: string): ContainerState => ({
  waiting: { reason, ...(message === undefined ? {} : { message }) },
});

/** A pod that was bound to a node a moment ago. */
export const pendingReport = (): PodReport => ({
  phase: 'Pending',
  reason: '',
  message: '',
  isInitialized: false,
  isReady: false,
  isStarted: false,
  restartCount: 0,
  state: waiting('ContainerCreating'),
  lastState: {},
  initState: waiting('PodInitializing'),
});

/** An event's type, reason and message. */
export type EventWords = readonly ['Normal' | 'Warning', string, string];

/** The time, in seconds, as Kubernetes writes it. */
export const timestamp = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

/** By whom an evicted pod was disrupted. */
const disrupted = { reason: 'TerminationByKubelet', message: 'The node was low on resource: memory. ' };

/** Until the API server is asked again. */
const retryMs = 200;

/** A merge keeps the state before unless it is taken away. */
const noState = { waiting: null, running: null, terminated: null };

/** Writes one pod's status and events, as the kubelet of `node`. */
export class Reporter {
  readonly #api: KubeApi;
  readonly #pod: PodObject;
  readonly #facts: { readonly node: string; readonly address: string };
  readonly #startedAt = timestamp();
  readonly #transitions = new Map<string, { readonly is: boolean; readonly at: string }>();
  #events = 0;

  constructor(api: KubeApi, pod: PodObject, facts: { readonly node: string; readonly address: string }) {
    this.#api = api;
    this.#pod = pod;
    this.#facts = facts;
  }

  /** Writes the pod's status as it is now. */
  async status(report: PodReport, signal: AbortSignal): Promise<void> {
    const { address } = this.#facts;
    const hasNetwork = report.phase === 'Running' || 'running' in report.initState;
    const condition = (type: string, is: boolean, reason = 'ContainersNotReady') => ({
      type,
      status: is ? 'True' : 'False',
      lastTransitionTime: this.#transition(type, is),
      reason: is ? null : reason,
    });
    const status = {
      phase: report.phase,
      reason: report.reason || null,
      message: report.message || null,
      startTime: this.#startedAt,
      hostIP: nodeAddress,
      hostIPs: [{ ip: nodeAddress }],
      ...(hasNetwork ? { podIP: address, podIPs: [{ ip: address }] } : {}),
      conditions: [
        condition('PodReadyToStartContainers', hasNetwork),
        condition('Initialized', report.isInitialized, 'ContainersNotInitialized'),
        condition('ContainersReady', report.isReady),
        condition('Ready', report.isReady),
        ...(report.reason === 'Evicted' ? [{ ...condition('DisruptionTarget', true), ...disrupted }] : []),
      ],
      ...this.#containers(report),
    };
    const path = `${podPath(this.#pod)}/status`;
    const patchType = 'application/strategic-merge-patch+json';
    const body = { metadata: { uid: this.#pod.metadata.uid }, status };
    await this.#write({ method: 'PATCH', path, patchType, body, signal });
  }

  /** Writes an event; one that is refused since its namespace ends is left out, as a kubelet does. */
  async event(words: EventWords, signal: AbortSignal): Promise<void> {
    const [type, reason, message] = words;
    const { namespace, name, uid } = this.#pod.metadata;
    const at = timestamp();
    const body = {
      metadata: {
        name: `${name}.${uid.slice(0, 8)}.${Date.now().toString(16)}.${this.#events++}`,
        namespace,
      },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
      source: { component: 'kubelet', host: this.#facts.node },
      ...{ type, reason, message, count: 1, firstTimestamp: at, lastTimestamp: at },
    };
    const path = `/api/v1/namespaces/${namespace}/events`;
    try {
      await this.#write({ method: 'POST', path, body, signal });
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 403) throw error;
    }
  }

  /** As a kubelet does, it tells what there is to tell once the API server is there again. */
  async #write(request: ApiRequest): Promise<void> {
    for (;;) {
      try {
        await this.#api.call(request);
        return;
      } catch (error) {
        if (!(error instanceof KubeError) || (error.status !== 0 && error.status < 500)) throw error;
      }
      await pause(retryMs, undefined, { signal: request.signal });
    }
  }

  /** When a condition came to be as it is. */
  #transition(type: string, is: boolean): string {
    const last = this.#transitions.get(type);
    if (last?.is === is) return last.at;
    const at = timestamp();
    this.#transitions.set(type, { is, at });
    return at;
  }

  #containers(report: PodReport) {
    if (report.phase === 'Failed' && report.reason !== '') return {};
    const { containers, initContainers = [] } = this.#pod.spec;
    const common = { imageID: '', restartCount: 0 };
    return {
      initContainerStatuses: initContainers.map(({ name, image }) => ({
        ...{ ...common, name, image, ready: report.isInitialized, started: 'running' in report.initState },
        state: { ...noState, ...report.initState },
      })),
      containerStatuses: containers.map(({ name, image }) => ({
        ...{ ...common, name, image, ready: report.isReady, started: report.isStarted },
        restartCount: report.restartCount,
        state: { ...noState, ...report.state },
        lastState: { ...noState, ...report.lastState },
      })),
    };
  }
}
