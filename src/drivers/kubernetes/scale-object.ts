import type { Kept } from '../../kube/mirror.ts';
import { fieldsOf, itemsOf, keptOf, nameOf, stringsOf, textOf, timeOf, wholeOf } from './pod-fields.ts';

/** Who wrote `spec.replicas` last, by `metadata.managedFields`. */
export interface CountOwner {
  /** `kubectl`, `argocd-controller`, `kube-controller-manager`, ... */
  readonly manager: string;
  /** When, wall milliseconds by the API server's clock; 0 where it does not say. */
  readonly atMs: number;
}

/** Of a scale target what is used. */
export interface ScaleObject extends Kept {
  /** Null: of a kind whose count stands elsewhere, or not told. */
  readonly replicas: number | null;
  /** As text; null: of a kind whose selector stands elsewhere. */
  readonly selector: string | null;
  readonly owner: CountOwner | null;
}

/** The view of a scale target of any kind; `spec.replicas` unset counts as 1, as it does in the API. */
export function projectScaleObject(object: unknown): ScaleObject | null {
  const kept = keptOf(object);
  if (kept === null) return null;
  const { metadata, spec } = fieldsOf(object);
  const { replicas, selector } = fieldsOf(spec);
  return {
    ...kept,
    replicas: replicas === undefined ? 1 : wholeOf(replicas),
    selector: selectorText(selector),
    owner: ownerOf(itemsOf(fieldsOf(metadata).managedFields)),
  };
}

/** What a Scale (autoscaling/v1) says; a count of 0 is left out of it. */
export function projectScale(object: unknown): {
  readonly replicas: number;
  readonly selector: string;
  readonly resourceVersion: string;
} {
  const { metadata, spec, status } = fieldsOf(object);
  return {
    replicas: wholeOf(fieldsOf(spec).replicas) ?? 0,
    selector: textOf(fieldsOf(status).selector),
    resourceVersion: textOf(fieldsOf(metadata).resourceVersion),
  };
}

/** Whether a resourceVersion is later than another. They are numbers in practice, and by KEP-5504 by promise. */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}

function selectorText(selector: unknown): string | null {
  const { matchLabels, matchExpressions } = fieldsOf(selector);
  const terms = Object.entries(stringsOf(matchLabels)).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values } of itemsOf(matchExpressions)) {
    const list = Array.isArray(values) ? values.map(textOf).join(',') : '';
    if (operator === 'Exists') terms.push(textOf(key));
    else if (operator === 'DoesNotExist') terms.push(`!${textOf(key)}`);
    else terms.push(`${textOf(key)} ${operator === 'In' ? 'in' : 'notin'} (${list})`);
  }
  return terms.length === 0 ? null : terms.join(',');
}

function ownerOf(entries: ReturnType<typeof itemsOf>): CountOwner | null {
  let owner: CountOwner | null = null;
  for (const { manager, time, fieldsV1 } of entries) {
    if (!('f:replicas' in fieldsOf(fieldsOf(fieldsV1)['f:spec']))) continue;
    const atMs = timeOf(time) ?? 0;
    const name = nameOf(manager);
    if (name !== null && (owner === null || atMs >= owner.atMs)) owner = { manager: name, atMs };
  }
  return owner;
}
