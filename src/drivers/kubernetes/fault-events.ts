import type { Kept } from '../../kube/mirror.ts';
import { type Fields, fieldsOf, headOf, keptOf, nameOf, textOf, timeOf, wholeOf } from './pod-fields.ts';

/** Of an event what is used. Absent texts are ''. */
export interface EventView extends Kept {
  /** The object that it tells of. */
  readonly about: { readonly kind: string; readonly name: string; readonly uid: string };
  /** The container that it tells of (`spec.containers{main}`), or null. */
  readonly container: string | null;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** How often it was seen. */
  readonly count: number;
  /** When it was seen last, wall milliseconds by the clock of who saw it; 0 where it does not say. */
  readonly lastMs: number;
}

/** Of these (or, for `Service`, of the core kind) no start depends. */
const otherKinds = new Set([
  'Node',
  'Endpoints',
  'EndpointSlice',
  'Ingress',
  'HTTPRoute',
  'Gateway',
  'Lease',
  'ConfigMap',
  'Secret',
  'CronJob',
  'Job',
  'Certificate',
  'HorizontalPodAutoscaler',
  'PodDisruptionBudget',
  'Namespace',
]);

/**
 * The view of an event of core/v1 or events.k8s.io/v1. Null where nothing of a start can be learned from it: events of
 * other kinds, failed probes (they repeat for as long as a model loads), and what went well with anything but pods,
 * except that a controller created one, which is the end of its failing to.
 */
export function projectEvent(object: unknown): EventView | null {
  const kept = keptOf(object);
  if (kept === null) return null;
  const event = fieldsOf(object);
  const about = fieldsOf(event.involvedObject ?? event.regarding);
  const kind = nameOf(about.kind);
  const reason = headOf(event.reason, 100);
  const type = event.type === 'Warning' ? 'Warning' : 'Normal';
  if (kind === null || reason === '' || !isOfAStart(kind, about)) return null;
  if (kind === 'Pod' ? reason === 'Unhealthy' : type === 'Normal' && reason !== 'SuccessfulCreate')
    return null;
  const fieldPath = textOf(about.fieldPath);
  return {
    ...kept,
    about: { kind, name: textOf(about.name), uid: textOf(about.uid) },
    container: /^spec\.(?:initC|c)ontainers\{(.+)\}$/.exec(fieldPath)?.[1] ?? null,
    type,
    reason,
    message: headOf(event.message ?? event.note, 1_000),
    count: countOf(event),
    lastMs: lastMsOf(event),
  };
}

function isOfAStart(kind: string, about: Fields): boolean {
  if (kind === 'Service') return textOf(about.apiVersion).startsWith('serving.knative.dev/');
  return !otherKinds.has(kind);
}

function countOf(event: Fields): number {
  return (
    wholeOf(fieldsOf(event.series).count, 1) ??
    wholeOf(event.count, 1) ??
    wholeOf(event.deprecatedCount, 1) ??
    1
  );
}

function lastMsOf(event: Fields): number {
  return (
    timeOf(fieldsOf(event.series).lastObservedTime) ??
    timeOf(event.lastTimestamp) ??
    timeOf(event.deprecatedLastTimestamp) ??
    timeOf(event.eventTime) ??
    timeOf(event.firstTimestamp) ??
    timeOf(fieldsOf(event.metadata).creationTimestamp) ??
    0
  );
}
