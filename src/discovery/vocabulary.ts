/** The API group and version of Model objects. */
const modelApiVersion = 'pilotlight.dev/v1alpha1';
const modelKind = 'Model';

/** Annotations of a workload that are ours begin with this. */
export const annotationPrefix = 'pilotlight.dev/';
/** Annotations of Knative's autoscaler, which are understood on a workload that is a model. */
export const knativePrefix = 'autoscaling.knative.dev/';
/** The annotation that makes a workload a model: the name that clients say. */
export const modelAnnotation = `${annotationPrefix}model`;

/** Under which name the gateway's writes are kept (`managedFields`), and which events name as their source. */
export const fieldManager = 'pilotlight';

/** A kind of object that models are found in. */
export interface SourceKind {
  readonly door: 'model' | 'annotation';
  readonly apiVersion: string;
  readonly kind: string;
  /** Whether a cluster may well lack it: then nobody is told that it does. */
  readonly isOptional: boolean;
}

/** The kinds that models are found in, by door. A ReplicaSet is not one of them: it inherits its Deployment's annotations. */
export const sourceKinds: readonly SourceKind[] = [
  { door: 'model', apiVersion: modelApiVersion, kind: modelKind, isOptional: false },
  { door: 'annotation', apiVersion: 'apps/v1', kind: 'Deployment', isOptional: false },
  { door: 'annotation', apiVersion: 'apps/v1', kind: 'StatefulSet', isOptional: false },
  {
    door: 'annotation',
    apiVersion: 'leaderworkerset.x-k8s.io/v1',
    kind: 'LeaderWorkerSet',
    isOptional: true,
  },
  { door: 'annotation', apiVersion: 'serving.kserve.io/v1beta1', kind: 'InferenceService', isOptional: true },
  { door: 'annotation', apiVersion: 'serving.knative.dev/v1', kind: 'Service', isOptional: true },
];

/** Controllers that hand annotations down to the workloads they make, which are then not models of their own. */
export const inheritingGroups: readonly string[] = [
  'leaderworkerset.x-k8s.io',
  'serving.kserve.io',
  'serving.knative.dev',
];
