import type { Kept } from '../../kube/mirror.ts';
import { type ContainerView, projectContainers } from './pod-container.ts';
import {
  type Fields,
  fieldsOf,
  headOf,
  itemsOf,
  keptOf,
  nameOf,
  stringsOf,
  textOf,
  timeOf,
} from './pod-fields.ts';

/** One of `status.conditions`. */
export interface PodCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** When `status` changed last, wall milliseconds. */
  readonly lastTransitionMs: number | null;
}

/** Of a pod what is used, so that memory holds no more. Absent texts are ''. */
export interface PodView extends Kept {
  readonly labels: Readonly<Record<string, string>>;
  /** It was asked to end. */
  readonly isDeleting: boolean;
  /** Wall milliseconds by the API server's clock. */
  readonly createdMs: number | null;
  /** The controller that replaces it when it ends, if one does. */
  readonly owner: { readonly kind: string; readonly name: string; readonly uid: string } | null;
  readonly podIP: string | null;
  /** All of them, IPv4 and IPv6; `podIP` first. */
  readonly podIPs: readonly string[];
  readonly isHostNetwork: boolean;
  readonly nodeName: string | null;
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`, or ''. */
  readonly phase: string;
  /** `Evicted`, `UnexpectedAdmissionError`, `OutOfcpu`, `Preempting`, ... */
  readonly reason: string;
  readonly message: string;
  /** When the kubelet took it over, wall milliseconds. */
  readonly startedMs: number | null;
  readonly conditions: readonly PodCondition[];
  /** Names of the gates that hold it back before scheduling. */
  readonly schedulingGates: readonly string[];
  /** In the order in which they run. */
  readonly initContainers: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
  /** controller.kubernetes.io/pod-deletion-cost, or null where it is not set. */
  readonly deletionCost: number | null;
  /** Annotation sidecar.istio.io/status: a proxy was injected. */
  readonly hasMeshStatus: boolean;
  /** Annotation ambient.istio.io/redirection=enabled: the node's proxy takes its connections. */
  readonly isMeshRedirected: boolean;
}

/** The view of a pod; null where it has no name or uid. What is missing or of another type is absent; never throws. */
export function projectPod(object: unknown): PodView | null {
  const kept = keptOf(object);
  if (kept === null) return null;
  const pod = fieldsOf(object);
  const metadata = fieldsOf(pod.metadata);
  const spec = fieldsOf(pod.spec);
  const status = fieldsOf(pod.status);
  const annotations = fieldsOf(metadata.annotations);
  const podIPs = addressesOf(status);
  return {
    ...kept,
    labels: stringsOf(metadata.labels),
    isDeleting: nameOf(metadata.deletionTimestamp) !== null,
    createdMs: timeOf(metadata.creationTimestamp),
    owner: ownerOf(metadata),
    podIP: podIPs[0] ?? null,
    podIPs,
    isHostNetwork: spec.hostNetwork === true,
    nodeName: nameOf(spec.nodeName),
    phase: textOf(status.phase),
    reason: headOf(status.reason, 100),
    message: headOf(status.message, 1_000),
    startedMs: timeOf(status.startTime),
    conditions: itemsOf(status.conditions).map(projectCondition),
    schedulingGates: itemsOf(spec.schedulingGates).map((gate) => textOf(gate.name)),
    initContainers: projectContainers(spec.initContainers, status.initContainerStatuses),
    containers: projectContainers(spec.containers, status.containerStatuses),
    deletionCost: costOf(annotations['controller.kubernetes.io/pod-deletion-cost']),
    hasMeshStatus: nameOf(annotations['sidecar.istio.io/status']) !== null,
    isMeshRedirected: annotations['ambient.istio.io/redirection'] === 'enabled',
  };
}

/** Whether it has ended for good: nothing in it runs again, and its address may be another pod's by now. */
export function hasEnded({ phase }: PodView): boolean {
  return phase === 'Failed' || phase === 'Succeeded';
}

/** The condition of that type, if the pod has it. */
export function conditionOf(pod: PodView, type: string): PodCondition | undefined {
  return pod.conditions.find((condition) => condition.type === type);
}

function projectCondition(condition: Fields): PodCondition {
  const { status } = condition;
  return {
    type: textOf(condition.type),
    status: status === 'True' || status === 'False' ? status : 'Unknown',
    reason: headOf(condition.reason, 100),
    message: headOf(condition.message, 1_000),
    lastTransitionMs: timeOf(condition.lastTransitionTime),
  };
}

function ownerOf(metadata: Fields): PodView['owner'] {
  const owner = itemsOf(metadata.ownerReferences).find((reference) => reference.controller === true);
  if (owner === undefined) return null;
  return { kind: textOf(owner.kind), name: textOf(owner.name), uid: textOf(owner.uid) };
}

function addressesOf(status: Fields): string[] {
  const listed = itemsOf(status.podIPs).map((entry) => nameOf(entry.ip));
  const all = [nameOf(status.podIP), ...listed].filter((address) => address !== null);
  return [...new Set(all)];
}

/** An int32 in decimal, as the ReplicaSet controller takes it. */
function costOf(value: unknown): number | null {
  if (typeof value !== 'string' || !/^-?(0|[1-9]\d{0,9})$/.test(value)) return null;
  return Number(value);
}
