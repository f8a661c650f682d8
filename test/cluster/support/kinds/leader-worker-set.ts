import type { Hands, Manifest } from './hands.ts';
import { playController } from './played-controller.ts';

const prefix = 'leaderworkerset.sigs.k8s.io';

interface LeaderWorkerSet extends Manifest {
  readonly spec: { readonly replicas: number; readonly leaderWorkerTemplate: Template };
}

/** Of `spec`: the pods of one replica; both kinds are made of the one template. */
interface Template {
  /** The leader and its workers. */
  readonly size: number;
  readonly workerTemplate: { readonly metadata: Manifest['metadata']; readonly spec: object };
}

/** The group of a pod of a LeaderWorkerSet, 0 the first. */
export function groupOf({ metadata }: Manifest): number {
  return Number(metadata.labels?.[`${prefix}/group-index`]);
}

/** Whether a pod is the leader of its group. */
export function isLeader({ metadata }: Manifest): boolean {
  return metadata.labels?.[`${prefix}/worker-index`] === '0';
}

/** The pods of a group as LeaderWorkerSet names and labels them: NAME-1, then NAME-1-1, NAME-1-2, ... */
function podsOf({ metadata: { name }, spec }: LeaderWorkerSet, group: number): object[] {
  const { size, workerTemplate } = spec.leaderWorkerTemplate;
  return Array.from({ length: size }, (_, worker) => {
    const places = { name, 'group-index': `${group}`, 'worker-index': `${worker}` };
    const own = Object.entries(places).map(([key, value]) => [`${prefix}/${key}`, value]);
    const labels = { ...workerTemplate.metadata.labels, ...Object.fromEntries(own) };
    const podName = worker === 0 ? `${name}-${group}` : `${name}-${group}-${worker}`;
    return {
      metadata: { name: podName, labels, annotations: workerTemplate.metadata.annotations },
      spec: workerTemplate.spec,
    };
  });
}

async function reconcile(set: LeaderWorkerSet, { pods, path }: { pods: string; path: string }, hands: Hands) {
  const { name } = set.metadata;
  const { replicas } = set.spec;
  const all = (await hands.list(pods)).filter(({ metadata }) => metadata.labels?.[`${prefix}/name`] === name);
  const staying = all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const names = new Set(staying.map(({ metadata }) => metadata.name));
  for (let group = 0; group < replicas; group++)
    if (!names.has(`${name}-${group}`)) for (const pod of podsOf(set, group)) await hands.create(pods, pod);
  const surplus = staying.filter((pod) => groupOf(pod) >= replicas);
  for (const { metadata } of surplus.toSorted((a, b) => groupOf(b) - groupOf(a)))
    await hands.remove(`${pods}/${metadata.name}`);
  const status = {
    replicas: all.filter(isLeader).length,
    hpaPodSelector: `${prefix}/name=${name},${prefix}/worker-index=0`,
  };
  const { replicas: told, hpaPodSelector } = set.status ?? {};
  if (told !== status.replicas || hpaPodSelector !== status.hpaPodSelector)
    await hands.setStatus(`${path}/${name}`, status);
}

/** Plays the controller of LeaderWorkerSets in a namespace; returns what ends it. */
export function playLeaderWorkerSets(namespace: string): Promise<() => Promise<void>> {
  const path = `/apis/leaderworkerset.x-k8s.io/v1/namespaces/${namespace}/leaderworkersets`;
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  return playController([path, pods], async (hands) => {
    for (const set of await hands.list(path)) await reconcile(set as LeaderWorkerSet, { pods, path }, hands);
  });
}
