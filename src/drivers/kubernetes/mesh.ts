import type { KubernetesBackend } from '../../config/settings.ts';
import type { TargetCondition } from '../../core/driver.ts';
import type { PodView } from './pod-view.ts';

/** The sidecar's name: a container, or an init container with restartPolicy Always. */
export const meshProxyName = 'istio-proxy';

/**
 * Whether a service mesh stands between the pod and its clients, so that it may take no direct connections (STRICT mutual
 * TLS). Istio with a sidecar (https://istio.io/latest/docs/reference/config/labels/, `security.istio.io/tlsMode`; its
 * injector's annotation and container), or ambient (`ambient.istio.io/redirection`).
 */
export function isMeshed(pod: PodView): boolean {
  return (
    pod.isMeshRedirected ||
    pod.hasMeshStatus ||
    pod.labels['security.istio.io/tlsMode'] === 'istio' ||
    [...pod.containers, ...pod.initContainers].some(({ name }) => name === meshProxyName)
  );
}

/** Told where requests go straight to pods of a mesh only because no Service is named; null: it is not so. */
export function meshCondition(
  pods: Iterable<PodView>,
  { route }: Pick<KubernetesBackend, 'route'>,
  service: string | null,
): TargetCondition | null {
  if (route !== 'auto' || service !== null || ![...pods].some(isMeshed)) return null;
  const message =
    'its pods are in a mesh that may take no direct connections (STRICT): name their Service (backend.service), or say ' +
    'that it does (backend.route: pod)';
  return { type: 'MeshedWithoutService', message };
}
