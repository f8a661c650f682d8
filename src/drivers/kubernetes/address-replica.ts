import type { KubernetesBackend } from '../../config/settings.ts';
import type { ReplicaStatus } from '../../core/driver.ts';
import type { SliceView } from './endpoint-slices.ts';
import { originOf } from './pod-port.ts';

/**
 * Replicas of endpoints that stand for no pod: addresses that somebody keeps by hand behind a Service without a
 * selector. They run as long as they are listed and serve.
 */
export function addressReplicas(
  { targetId, backend, nowMs }: { targetId: string; backend: KubernetesBackend; nowMs: number },
  slices: readonly SliceView[],
): ReplicaStatus[] {
  const replicaById = new Map<string, ReplicaStatus>();
  for (const { endpoints, ports } of slices) {
    const port = portIn(ports, backend.port);
    if (port === null) continue;
    for (const { addresses, podUid, isServing, isTerminating } of endpoints) {
      const [address] = addresses;
      if (podUid !== null || address === undefined || !(isServing || isTerminating)) continue;
      const origin = originOf(address, port);
      const id = `${targetId}@${origin.slice('http://'.length)}`;
      const phase = isTerminating ? 'stopping' : 'running';
      replicaById.set(id, { id, origin, phase, steps: [{ name: 'configured', atMs: nowMs }] });
    }
  }
  return [...replicaById.values()];
}

function portIn(ports: ReadonlyMap<string, number>, port: number | string | null): number | null {
  if (typeof port === 'number') return port;
  if (port !== null) return ports.get(port) ?? null;
  return ports.size === 1 ? [...ports.values()][0]! : null;
}
