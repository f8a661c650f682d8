import type { KubernetesBackend } from './settings.ts';

/** The words by which one kind is known, so that deploy/a and Deployment/a are one target. */
const kindByWord: Readonly<Record<string, string>> = {
  deploy: 'deployment',
  deployments: 'deployment',
  sts: 'statefulset',
  statefulsets: 'statefulset',
  rs: 'replicaset',
  replicasets: 'replicaset',
  lws: 'leaderworkerset',
  leaderworkersets: 'leaderworkerset',
  isvc: 'inferenceservice',
  inferenceservices: 'inferenceservice',
  ksvc: 'service',
  services: 'service',
};

/** The group that a kind is looked for in where none is written. */
const groupByKind: Readonly<Record<string, string>> = {
  deployment: 'apps',
  statefulset: 'apps',
  replicaset: 'apps',
  leaderworkerset: 'leaderworkerset.x-k8s.io',
  inferenceservice: 'serving.kserve.io',
};

/** One word for a kind, in lower case, whichever of its names is written. */
export function kindWordOf(kind: string): string {
  const word = kind.toLowerCase();
  return kindByWord[word] ?? word;
}

/**
 * Which workload a backend names: equal texts are the same object, whether its kind or its short name is written, with
 * its group or without, by whichever version.
 */
export function workloadKey({
  namespace,
  scaleTarget: { apiVersion, kind, name },
}: Pick<KubernetesBackend, 'namespace' | 'scaleTarget'>): string {
  const word = kindWordOf(kind);
  return JSON.stringify([namespace, groupOf(apiVersion, word), word, name]);
}

/** null: whichever serves the kind. */
function groupOf(apiVersion: string | null, kind: string): string | null {
  if (apiVersion === null) return groupByKind[kind] ?? null;
  return apiVersion.includes('/') ? apiVersion.split('/')[0]! : '';
}
