import type { PodView } from './pod-view.ts';

const labels = [
  'leaderworkerset.sigs.k8s.io/group-index',
  'apps.kubernetes.io/pod-index', // Since Kubernetes 1.28.
];

/**
 * The place of a pod in the order in which its controller ends pods, the highest first: the ordinal of a StatefulSet, the
 * group of a LeaderWorkerSet. Null for pods without an order.
 */
export function ordinalOf(pod: PodView): number | null {
  for (const label of labels) {
    const value = pod.labels[label];
    if (value !== undefined && /^\d{1,9}$/.test(value)) return Number(value);
  }
  const isOrdered = pod.owner?.kind === 'StatefulSet' || 'leaderworkerset.sigs.k8s.io/name' in pod.labels;
  const suffix = isOrdered ? /-(\d{1,9})$/.exec(pod.name)?.[1] : undefined;
  return suffix === undefined ? null : Number(suffix);
}
