import {
  type ModelReading,
  modelFromAnnotations,
  modelFromObject,
  type ObjectFault,
} from '../config/found-model.ts';
import type { FoundModel } from '../config/merge-models.ts';
import type { SourceObject } from './projection.ts';

/** An object that is meant as a model and is none. */
export interface FaultyObject {
  readonly key: string;
  readonly faults: readonly ObjectFault[];
}

/** What was read of an object, and out of what. */
export interface Reading {
  readonly uid: string;
  readonly content: string;
  readonly outcome: FoundModel | FaultyObject;
  /** What it was before it became faulty, which goes on; null: it is a model, or never was one. */
  readonly kept: FoundModel | null;
}

/** `model NAMESPACE/NAME`, or `annotation KIND NAMESPACE/NAME`. */
export function keyOf({
  door,
  kind,
  namespace,
  name,
}: Pick<SourceObject, 'door' | 'kind' | 'namespace' | 'name'>): string {
  return door === 'model' ? `model ${namespace}/${name}` : `annotation ${kind} ${namespace}/${name}`;
}

/**
 * Reads an object; gives `before` back where nothing of what describes the model changed. One that was a model and is
 * changed into none is kept as it was. Never throws.
 */
export function readObject(object: SourceObject, before: Reading | undefined): Reading {
  const content = JSON.stringify(object.content);
  if (before !== undefined && before.uid === object.uid && before.content === content) return before;
  const outcome = outcomeOf(object);
  return { uid: object.uid, content, outcome, kept: 'faults' in outcome ? keptOf(object, before) : null };
}

function keptOf({ uid }: SourceObject, before: Reading | undefined): FoundModel | null {
  if (before === undefined || before.uid !== uid) return null;
  return 'settings' in before.outcome ? before.outcome : before.kept;
}

function outcomeOf(object: SourceObject): FoundModel | FaultyObject {
  const key = keyOf(object);
  try {
    const reading = parse(object);
    if ('faults' in reading) return { key, faults: reading.faults };
    const source = object.door === 'model' ? 'model' : 'annotations';
    return { settings: reading.settings, source, createdAtMs: object.createdAtMs, key };
  } catch (error) {
    return { key, faults: [{ path: '', message: `cannot be read: ${String(error)}` }] };
  }
}

function parse({ door, apiVersion, kind, namespace, name, content }: SourceObject): ModelReading {
  if (door === 'model') return modelFromObject({ name, spec: content, namespace });
  const annotations = content as Readonly<Record<string, string>>;
  return modelFromAnnotations({ annotations, apiVersion, kind, name, namespace });
}
