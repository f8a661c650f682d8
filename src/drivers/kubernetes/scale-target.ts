import type { KubernetesBackend } from '../../config/settings.ts';
import type { Removal, StartFault } from '../../core/driver.ts';
import { type KubeApi, KubeError } from '../../kube/api.ts';
import { objectPath, type Resource, type Resources } from '../../kube/resource.ts';
import { fieldsOf, textOf } from './pod-fields.ts';

/** Why a target cannot be scaled, in one line, with its kind. */
export class TargetFault extends Error {
  override readonly name = 'TargetFault';
  /** Absent: of no kind that is counted (the server is not there). */
  readonly fault: StartFault | undefined;

  constructor(message: string, fault?: StartFault, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }

  /** The same words as a fault of another kind. */
  as(fault: StartFault | undefined): TargetFault {
    return new TargetFault(this.message, fault, this.cause);
  }
}

/** A scale target that was found among the kinds of the cluster. */
export interface ResolvedTarget {
  readonly namespace: string;
  readonly resource: Resource;
  readonly name: string;
  /** The Service that its kind implies, where the backend names none. */
  readonly service: string | null;
  readonly removal: Removal;
  /** Whether count and selector stand in `spec`, else its `scale` is read. */
  readonly isPlain: boolean;
}

const removalByKind: Readonly<Record<string, Removal>> = {
  'apps/Deployment': 'victims',
  'apps/ReplicaSet': 'victims',
  'apps/StatefulSet': 'highest-ordinal',
  'leaderworkerset.x-k8s.io/LeaderWorkerSet': 'highest-ordinal',
};

/** Finds what a backend names. Rejects with `TargetFault`, `KubeError`, or the signal's reason. */
export async function resolveTarget(
  { api, resources }: { readonly api: KubeApi; readonly resources: Resources },
  backend: KubernetesBackend,
  signal: AbortSignal,
): Promise<ResolvedTarget> {
  const { kind, apiVersion, name } = backend.scaleTarget;
  const namespace = backend.namespace ?? api.namespace;
  const resource = await resources.find({ kind, apiVersion }, signal);
  if (resource === null) {
    const version = apiVersion === null ? '' : ` of ${apiVersion}`;
    throw new TargetFault(`the cluster serves no kind ${kind}${version}`, 'missing');
  }
  const group = groupOf(resource);
  if (group === 'serving.kserve.io' && resource.kind === 'InferenceService') {
    await expectStandardMode(api, objectPath(resource, namespace, name), signal);
    const predictor = `${name}-predictor`;
    const scaleTarget = { apiVersion: 'apps/v1', kind: 'Deployment', name: predictor };
    const resolved = await resolveTarget({ api, resources }, { ...backend, scaleTarget }, signal);
    return { ...resolved, service: predictor };
  }
  if (!resource.hasScale)
    throw new TargetFault(`${resource.kind} of ${resource.apiVersion} has no scale subresource`, 'missing');
  const removal = removalByKind[`${group}/${resource.kind}`] ?? 'unknown';
  return { namespace, resource, name, service: null, removal, isPlain: group === 'apps' };
}

function groupOf({ apiVersion }: Resource): string {
  return apiVersion.includes('/') ? apiVersion.split('/')[0]! : '';
}

async function expectStandardMode(api: KubeApi, path: string, signal: AbortSignal): Promise<void> {
  const object = fieldsOf(await api.call({ method: 'GET', path, signal }));
  const { name, annotations } = fieldsOf(object.metadata);
  const mode =
    textOf(fieldsOf(annotations)['serving.kserve.io/deploymentMode']) ||
    textOf(fieldsOf(object.status).deploymentMode);
  if (mode === '' || mode === 'Standard' || mode === 'RawDeployment') return;
  throw new TargetFault(
    `InferenceService "${textOf(name)}" is in mode ${mode}: only Standard can be scaled; name its Knative Service instead`,
    'contended',
  );
}

/** What went wrong with a call on a target, told with what would help. */
export function faultOf(error: unknown, what: string): TargetFault {
  if (error instanceof TargetFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof KubeError)) return new TargetFault(`${what}: ${message}`, undefined, error);
  if (/admission webhook|denied the request|ValidatingAdmissionPolicy/i.test(message) || error.status === 422)
    return new TargetFault(`${what} was refused: ${message}`, 'admission', error);
  if (error.status === 403 || error.status === 401)
    return new TargetFault(`${what} is forbidden, a Role must grant it: ${message}`, 'forbidden', error);
  if (error.status === 404) return new TargetFault(`${what}: not found`, 'missing', error);
  return new TargetFault(`${what}: ${message}`, undefined, error);
}
