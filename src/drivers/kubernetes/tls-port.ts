import type { KubernetesBackend } from '../../config/settings.ts';
import type { TargetCondition } from '../../core/driver.ts';
import { ownContainersOf, portOf } from './pod-port.ts';
import type { PodView } from './pod-view.ts';

/**
 * Told where the port to which requests go speaks TLS, as an HTTPS probe of it says: requests go to pods as plain HTTP,
 * since certificates are not made out to the addresses of pods. Null: no probe says so.
 */
export function tlsCondition(pods: Iterable<PodView>, backend: KubernetesBackend): TargetCondition | null {
  for (const pod of pods) {
    const port = portOf(pod, [], backend);
    const probes = ownContainersOf(pod).flatMap(({ readiness, startup, liveness }) => [
      readiness,
      startup,
      liveness,
    ]);
    const isTls = probes.some((probe) => probe?.scheme === 'https' && probe.port === port);
    if (port === null || !isTls) continue;
    const message =
      `its pods speak TLS at port ${port}, as their HTTPS probe says, and requests go to pods as plain HTTP: name a ` +
      'port that takes that (backend.port)';
    return { type: 'PortSpeaksTls', message };
  }
  return null;
}
