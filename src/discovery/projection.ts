import type { Kept } from '../kube/mirror.ts';
import {
  annotationPrefix,
  inheritingGroups,
  knativePrefix,
  modelAnnotation,
  type SourceKind,
} from './vocabulary.ts';

/** What is kept of an object that describes a model. */
export interface SourceObject extends Kept {
  readonly door: 'model' | 'annotation';
  readonly apiVersion: string;
  readonly kind: string;
  readonly generation: number;
  readonly createdAtMs: number;
  /** Of a Model object: its spec, unread. Of a workload: its annotations that are ours or Knative's, by whole name. */
  readonly content: unknown;
  /** Of a Model object: its status, unread. */
  readonly status: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The projection for a mirror of `source`. Its result is null for what is no model (a workload without the annotation,
 * or one whose controller handed the annotation down) and for what is being deleted. It takes anything and never throws.
 */
export function projectionOf(source: SourceKind): (object: unknown) => SourceObject | null {
  return (object) => {
    const fields = fieldsOf(object);
    const metadata = fieldsOf(fields.metadata);
    const { uid, namespace, name, resourceVersion } = metadata;
    if (typeof uid !== 'string' || typeof namespace !== 'string') return null;
    if (typeof name !== 'string' || typeof resourceVersion !== 'string') return null;
    if (metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null) return null;
    const isModel = source.door === 'model';
    const content = isModel ? (fields.spec ?? {}) : ownAnnotations(metadata);
    if (content === null) return null;
    const { door, apiVersion, kind } = source;
    return {
      ...{ uid, namespace, name, resourceVersion, door, apiVersion, kind, content },
      generation: typeof metadata.generation === 'number' ? metadata.generation : 0,
      createdAtMs: timeOf(metadata.creationTimestamp),
      status: isModel ? (fields.status ?? null) : null,
    };
  };
}

/** An object's own fields; nothing for what is no object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

/** What has no readable time of creation is taken for the youngest. */
function timeOf(value: unknown): number {
  const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(timeMs) ? Number.MAX_SAFE_INTEGER : timeMs;
}

function ownAnnotations(metadata: Fields): Readonly<Record<string, string>> | null {
  const annotations = Object.entries(fieldsOf(metadata.annotations));
  const own = annotations.filter(
    (entry): entry is [string, string] =>
      (entry[0].startsWith(annotationPrefix) || entry[0].startsWith(knativePrefix)) &&
      typeof entry[1] === 'string',
  );
  if (!own.some(([name]) => name === modelAnnotation)) return null;
  return isInherited(metadata.ownerReferences) ? null : Object.fromEntries(own.sort(byName));
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}

function isInherited(owners: unknown): boolean {
  if (!Array.isArray(owners)) return false;
  return owners.map(fieldsOf).some(({ controller, apiVersion }) => {
    if (controller !== true || typeof apiVersion !== 'string') return false;
    return inheritingGroups.includes(apiVersion.split('/')[0]!);
  });
}
