import type { Choice, KubeObject, Place } from './kube-server-store.ts';

/** A kind that a KubeServer serves. */
export interface ServedKind {
  /** `apps/v1`, or `v1` for the core group. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  /** Default true. */
  readonly isNamespaced?: boolean;
  /** Has the subresource `scale`: `spec.replicas`, `status.replicas` and the selector of `spec.selector`. */
  readonly hasScale?: boolean;
}

/** What a cluster has and Pilotlight uses; tests add kinds of their own (LeaderWorkerSet, Knative, KServe). */
export const builtInKinds: readonly ServedKind[] = [
  { apiVersion: 'v1', kind: 'Pod', plural: 'pods', shortNames: ['po'] },
  { apiVersion: 'v1', kind: 'Service', plural: 'services', shortNames: ['svc'] },
  { apiVersion: 'v1', kind: 'Event', plural: 'events', shortNames: ['ev'] },
  { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'] },
  { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' },
  { apiVersion: 'v1', kind: 'Node', plural: 'nodes', shortNames: ['no'], isNamespaced: false },
  { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', shortNames: ['ns'], isNamespaced: false },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    plural: 'deployments',
    shortNames: ['deploy'],
    hasScale: true,
  },
  { apiVersion: 'apps/v1', kind: 'StatefulSet', plural: 'statefulsets', shortNames: ['sts'], hasScale: true },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets', shortNames: ['rs'], hasScale: true },
  { apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets', shortNames: ['ds'] },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    shortNames: ['hpa'],
  },
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', plural: 'endpointslices' },
  { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', shortNames: ['ev'] },
  { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' },
];

/** `/apis/apps/v1`, or `/api/v1`. */
export const groupPath = (apiVersion: string) =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function resourcesOf(kinds: readonly ServedKind[], apiVersion: string) {
  return kinds
    .filter((kind) => kind.apiVersion === apiVersion)
    .flatMap(({ kind, plural, shortNames = [], isNamespaced: namespaced = true, hasScale = false }) => {
      const base = { singularName: kind.toLowerCase(), namespaced, kind };
      const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] };
      return [
        { ...base, name: plural, verbs, ...(shortNames.length === 0 ? {} : { shortNames }) },
        { ...base, name: `${plural}/status`, singularName: '', verbs: ['get', 'patch', 'update'] },
        ...(hasScale ? [{ ...base, singularName: '', ...scale, name: `${plural}/scale` }] : []),
      ];
    });
}

/** The answer to a discovery path (`/api`, `/apis`, `/api/v1`, `/apis/apps/v1`), or undefined. Not aggregated. */
export function discoveryDocument(kinds: readonly ServedKind[], path: string): object | undefined {
  const apiVersions = [...new Set(kinds.map((kind) => kind.apiVersion))];
  if (path === '/version') return { major: '1', minor: '36', gitVersion: 'v1.36.3' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const names = [...new Set(apiVersions.filter((v) => v.includes('/')).map((v) => v.split('/')[0]!))];
    const groups = names.map((name) => {
      const versions = apiVersions
        .filter((v) => v.startsWith(`${name}/`))
        .map((groupVersion) => ({ groupVersion, version: groupVersion.split('/')[1] }));
      return { name, versions, preferredVersion: versions[0] };
    });
    return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  }
  const groupVersion = apiVersions.find((apiVersion) => groupPath(apiVersion) === path);
  if (groupVersion === undefined) return undefined;
  const resources = resourcesOf(kinds, groupVersion);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

/** The object of kind Scale that stands for a workload. */
export function scaleOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = object.spec?.selector as { matchLabels?: Record<string, string> } | undefined;
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as KubeObject['metadata'],
    // As the real one: a count of 0 is left out.
    spec: object.spec?.replicas === 0 ? {} : { replicas: object.spec?.replicas ?? 1 },
    status: { replicas: object.status?.replicas ?? 0, selector: labels.sort().join(',') },
  };
}

/** Whether an object has the labels of `labelSelector` (equality, `in (...)`, existence; all must hold). */
function matchesLabels(object: KubeObject, selector: string): boolean {
  const labels = object.metadata.labels ?? {};
  return selector
    .split(/,(?![^(]*\))/)
    .filter((term) => term !== '')
    .every((term) => {
      const within = /^\s*([^\s!=]+)\s+(in|notin)\s+\(([^)]*)\)\s*$/.exec(term);
      if (within) {
        const isIn = within[3]!
          .split(',')
          .map((v) => v.trim())
          .includes(labels[within[1]!] ?? '');
        return isIn === (within[2] === 'in');
      }
      const [, key = '', operator, value] = /^\s*(!?[^!=]+?)\s*(?:(!=|==?)\s*(.*?))?\s*$/.exec(term) ?? [];
      if (operator === '!=') return labels[key] !== value;
      if (operator !== undefined) return labels[key] === value;
      return key.startsWith('!') ? !(key.slice(1) in labels) : key in labels;
    });
}

/** Whether an object has the fields of `fieldSelector` (`metadata.name=x,involvedObject.uid=y`). */
function matchesFields(object: KubeObject, selector: string): boolean {
  return selector
    .split(',')
    .filter((term) => term !== '')
    .every((term) => {
      const [, path = '', operator, value] = /^([^!=]+)(!=|==?)(.*)$/.exec(term) ?? [];
      const found = path
        .split('.')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], object);
      return (String(found ?? '') === value) === (operator !== '!=');
    });
}

/** The objects that a list or a watch is for: one kind in one namespace (or all), and the selectors of the query. */
export function choiceOf(place: Place, query: URLSearchParams): Choice {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  return {
    root: place.root,
    namespace: place.namespace,
    matches: (object) => matchesLabels(object, labels) && matchesFields(object, fields),
  };
}
