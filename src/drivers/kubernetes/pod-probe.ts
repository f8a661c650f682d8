import type { KubernetesBackend } from '../../config/settings.ts';
import type { ProbePlan } from '../../core/driver.ts';
import type { ContainerView, ProbeView } from './pod-container.ts';
import { originOf, ownContainersOf } from './pod-port.ts';
import { conditionOf, type PodView } from './pod-view.ts';

/** How a pod's readiness is found out. */
export interface PodProbing {
  /** Absent: as the revision's settings say. */
  readonly probe?: ProbePlan;
  /** It is probed from here. */
  readonly trustsOwn: boolean;
  /** Its condition Ready counts. */
  readonly trustsPlatform: boolean;
}

/** What the kubelet takes for success (https://kubernetes.io/docs/concepts/workloads/pods/probes/). */
const kubeletStatuses: readonly number[] = Array.from({ length: 200 }, (_, index) => 200 + index);

/**
 * How to probe a pod, by `trust` and `probeFrom`. Of its own probes the readiness probe counts, else the startup probe, of
 * the container that has the backend's port. Not all can be run from here: exec cannot, nor HTTPS (the kubelet
 * asks without looking at the certificate) or a probe of another host (often the node's loopback). Where the pod has only
 * such a one, `auto` trusts the platform, and `own` and `both` probe as the settings say.
 */
export function probeOf(pod: PodView, backend: KubernetesBackend): PodProbing {
  const { trust } = backend;
  if (trust === 'kubernetes') return { trustsOwn: false, trustsPlatform: true };
  const trustsPlatform = trust === 'both';
  const view = backend.probeFrom === 'pod' ? ownProbeOf(pod, backend) : null;
  if (view === null) return { trustsOwn: true, trustsPlatform };
  const probe = planOf(view, pod);
  if (probe === 'not from here') {
    return trust === 'auto'
      ? { trustsOwn: false, trustsPlatform: true }
      : { trustsOwn: true, trustsPlatform };
  }
  return { ...(probe === undefined ? {} : { probe }), trustsOwn: true, trustsPlatform };
}

/** Whether the platform calls it ready. */
export function isPodReady(pod: PodView): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

function ownProbeOf(pod: PodView, { port }: KubernetesBackend): ProbeView | null {
  const containers = ownContainersOf(pod);
  const has = (container: ContainerView) =>
    container.ports.some(({ name, number }) => number === port || (name !== '' && name === port));
  const serving = port === null ? undefined : containers.find(has);
  if (serving !== undefined) return serving.readiness ?? serving.startup;
  const probed = containers.find(({ readiness }) => readiness !== null);
  return probed?.readiness ?? containers.find(({ startup }) => startup !== null)?.startup ?? null;
}

/** Undefined: it would be run, but its address is not known yet. */
function planOf(view: ProbeView, pod: PodView): ProbePlan | undefined | 'not from here' {
  const { kind, port, host, path, service, scheme, headers } = view;
  if (kind === 'exec' || scheme === 'https' || host !== null || port === null) {
    return 'not from here';
  }
  if (pod.podIP === null) return undefined;
  const origin = originOf(pod.podIP, port);
  if (kind === 'tcp') return { kind, origin };
  if (kind === 'grpc') return { kind, origin, service };
  const hasHeaders = Object.keys(headers).length > 0;
  return { kind, origin, path, statuses: kubeletStatuses, ...(hasHeaders ? { headers } : {}) };
}
