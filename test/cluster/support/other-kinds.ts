import { kubectl, mustKubectl } from './kubectl.ts';

/** A kind that is no built-in one. */
export interface OtherKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  /** Its subresource scale, where it has one: where the counts and the selector stand. */
  readonly scale?: {
    readonly specReplicasPath: string;
    readonly statusReplicasPath: string;
    readonly labelSelectorPath: string;
  };
}

const kinds: readonly OtherKind[] = [
  { group: 'keda.sh', version: 'v1alpha1', kind: 'ScaledObject', plural: 'scaledobjects' },
  { group: 'serving.kserve.io', version: 'v1beta1', kind: 'InferenceService', plural: 'inferenceservices' },
  { group: 'serving.knative.dev', version: 'v1', kind: 'Service', plural: 'services' },
  {
    group: 'leaderworkerset.x-k8s.io',
    version: 'v1',
    kind: 'LeaderWorkerSet',
    plural: 'leaderworkersets',
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.hpaPodSelector',
    },
  },
];

function definitionOf({ group, version, kind, plural, scale }: OtherKind): object {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } };
  const subresources = { status: {}, ...(scale === undefined ? {} : { scale }) };
  const names = { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names,
      scope: 'Namespaced',
      versions: [{ name: version, served: true, storage: true, schema, subresources }],
    },
  };
}

/**
 * Has the cluster serve the kinds of others that the optional Roles are about, with open schemas and nobody who acts on them,
 * where it does not serve them already, and `further` ones. Returns what takes them away again.
 */
export function serveOtherKinds(further: readonly OtherKind[] = []): () => void {
  const missing = [...kinds, ...further].filter(
    ({ group, plural }) => kubectl(['get', 'crd', `${plural}.${group}`]).status !== 0,
  );
  if (missing.length === 0) return () => undefined;
  const list = { apiVersion: 'v1', kind: 'List', items: missing.map(definitionOf) };
  mustKubectl(['apply', '-f', '-'], JSON.stringify(list));
  const names = missing.map(({ group, plural }) => `crd/${plural}.${group}`);
  mustKubectl(['wait', '--for=condition=Established', ...names]);
  return () => {
    mustKubectl(['delete', ...names, '--wait=true']);
  };
}
