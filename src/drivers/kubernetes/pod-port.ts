import type { KubernetesBackend } from '../../config/settings.ts';
import type { SliceView } from './endpoint-slices.ts';
import { meshProxyName } from './mesh.ts';
import type { ContainerView } from './pod-container.ts';
import type { PodView } from './pod-view.ts';

/**
 * The port of a pod at which its model is served, or null where it cannot be told: a number as it stands; a name among the
 * ports of its containers, then among those of the Service; nothing: the only port of the Service (`slices` are those of
 * the backend's Service, or empty), else of its containers, else the one that its probe asks.
 */
export function portOf(
  pod: PodView,
  slices: readonly SliceView[],
  backend: KubernetesBackend,
): number | null {
  const { port } = backend;
  if (typeof port === 'number') return port;
  const containers = ownContainersOf(pod);
  const ports = containers.flatMap((container) => container.ports);
  if (port !== null) return ports.find(({ name }) => name === port)?.number ?? inSlices(pod, slices, port);
  const inService = inSlices(pod, slices, null);
  if (inService !== null) return inService;
  const numbers = new Set(ports.map(({ number }) => number));
  if (numbers.size === 0) {
    const probes = containers.map(({ readiness, startup }) => (readiness ?? startup)?.port ?? null);
    for (const number of probes) if (number !== null) numbers.add(number);
  }
  return numbers.size === 1 ? ([...numbers][0] ?? null) : null;
}

/** The containers that serve: a mesh's proxy is none of them. */
export function ownContainersOf(pod: PodView): ContainerView[] {
  return pod.containers.filter(({ name }) => name !== meshProxyName);
}

/** `http://host:port`, IPv6 in brackets. */
export function originOf(address: string, port: number): string {
  return address.includes(':') ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

/** Slices that hold the pod count before others of the Service: a named target port may differ between pods. */
function inSlices(pod: PodView, slices: readonly SliceView[], name: string | null): number | null {
  const holding = slices.filter(({ endpoints }) => endpoints.some(({ podUid }) => podUid === pod.uid));
  const found = new Set<number>();
  for (const { ports } of holding.length > 0 ? holding : slices) {
    for (const [portName, number] of ports) if (name === null || name === portName) found.add(number);
  }
  return found.size === 1 ? ([...found][0] ?? null) : null;
}
