import { type KubeApi, KubeError } from '../../kube/api.ts';
import type { PodView } from './pod-view.ts';
import type { WriteLimits } from './scale-writer.ts';

const annotation = 'controller.kubernetes.io/pod-deletion-cost';
const victimCost = -100;

/** Whether it bears the mark, whoever set it: a gateway that led before may have. */
export function isMarked({ deletionCost }: PodView): boolean {
  return deletionCost === victimCost;
}

/**
 * Marks pods as the first to end when a ReplicaSet is lowered (null takes the mark away). Rejects with `KubeError`; a pod
 * that is gone is no error.
 */
export async function markPods(
  api: KubeApi,
  { pods, isVictim, fieldManager }: { pods: readonly PodView[]; isVictim: boolean; fieldManager: string },
  limits: WriteLimits,
): Promise<void> {
  const annotations = { [annotation]: isVictim ? String(victimCost) : null };
  const query = `fieldManager=${encodeURIComponent(fieldManager)}`;
  const mark = async ({ namespace, name, uid }: PodView) => {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}?${query}`;
    const body = { metadata: { uid, annotations } };
    try {
      await api.call({ method: 'PATCH', path, body, patchType: 'application/merge-patch+json', ...limits });
    } catch (error) {
      // 409: another pod has its name by now.
      if (!(error instanceof KubeError && (error.status === 404 || error.status === 409))) throw error;
    }
  };
  await Promise.all(pods.map(mark));
}
