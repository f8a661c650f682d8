import type { KubernetesBackend } from '../../config/settings.ts';
import type { Driver, Target, TargetStatus } from '../../core/driver.ts';
import type { Kept, Mirror } from '../../kube/mirror.ts';
import type { KubernetesDriverOptions } from './driver-options.ts';
import { fieldsOf, headOf, itemsOf, keptOf, nameOf } from './pod-fields.ts';
import { StatusTeller } from './status-teller.ts';

/** Of a Service of serving.knative.dev what is used. */
interface KnativeService extends Kept {
  /** `status.address.url`, without a slash at the end; null until it has one. */
  readonly url: string | null;
  readonly isReady: boolean;
  /** Of the condition Ready, while it is not True. */
  readonly message: string;
}

/** Whether a backend names a Knative Service. */
export function isKnativeTarget({ scaleTarget }: KubernetesBackend): boolean {
  const { apiVersion, kind } = scaleTarget;
  return apiVersion?.startsWith('serving.knative.dev/') === true && /^(service|services|ksvc)$/i.test(kind);
}

/** Knative Services: woken by the requests that are sent on, and watched; never scaled behind Knative's back. */
export function createKnativeDriver({
  api,
  mirrors,
  clock,
  onFault,
}: Pick<KubernetesDriverOptions, 'api' | 'mirrors' | 'clock' | 'onFault'>): Driver<KubernetesBackend> {
  return {
    name: 'knative',
    isFixed: true,
    canReplace: false,
    replacesLost: false,
    async scale(_target, _request, signal) {
      signal.throwIfAborted();
    },
    async watch(target, onStatus, signal) {
      if (signal.aborted) return;
      const namespace = target.backend.namespace ?? api.namespace;
      const path = `/apis/serving.knative.dev/v1/namespaces/${encodeURIComponent(namespace)}/services`;
      const { mirror, release } = mirrors.use<KnativeService>({ path, project: projectService });
      const seenAtMs = clock.nowMs();
      const teller = new StatusTeller(() => statusOf(target, { mirror, namespace, seenAtMs }), onFault);
      const changed = () => teller.plan();
      const unlisten = mirror.listen({ onSet: changed, onDelete: changed, onState: changed });
      try {
        await teller.watch(onStatus, signal);
      } finally {
        unlisten();
        release();
      }
    },
    async close() {
      // Nothing was started here.
    },
  };
}

function projectService(object: unknown): KnativeService | null {
  const kept = keptOf(object);
  if (kept === null) return null;
  const status = fieldsOf(fieldsOf(object).status);
  const ready = itemsOf(status.conditions).find(({ type }) => type === 'Ready');
  const url = nameOf(fieldsOf(status.address).url);
  return {
    ...kept,
    url: url === null ? null : url.replace(/\/$/, ''),
    isReady: ready?.status === 'True',
    message: ready?.status === 'True' ? '' : headOf(ready?.message, 400),
  };
}

interface Sight {
  readonly mirror: Mirror<KnativeService>;
  readonly namespace: string;
  readonly seenAtMs: number;
}

function statusOf(
  { id, backend }: Target<KubernetesBackend>,
  { mirror, namespace, seenAtMs }: Sight,
): TargetStatus {
  const { name } = backend.scaleTarget;
  const service = mirror.get(namespace, name);
  const stale = mirror.isFresh ? {} : { isStale: true };
  if (service === undefined) {
    if (mirror.fault?.status === 403)
      return { replicas: [], failure: mirror.fault.message, fault: 'forbidden', ...stale };
    if (mirror.fault?.status === 404)
      return { replicas: [], failure: 'the cluster has no Knative Serving', fault: 'missing', ...stale };
    if (!mirror.isFresh) return { replicas: [], ...stale };
    return { replicas: [], failure: `Knative Service "${name}" does not exist`, fault: 'missing' };
  }
  return {
    replicas: [
      {
        id: `${id}@${name}/${service.uid.slice(0, 8)}`,
        origin: service.url,
        phase: service.url === null ? 'starting' : 'running',
        steps: [{ name: 'configured', atMs: seenAtMs }],
        ...(service.message === '' ? {} : { reason: service.message }),
        probe: { kind: 'none' },
        isReady: service.isReady,
      },
    ],
    ...stale,
  };
}
