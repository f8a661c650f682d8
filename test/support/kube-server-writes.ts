import type { ServerResponse } from 'node:http';
import { statusObject } from './kube-server-faults.ts';
import { type ServedKind, scaleOf } from './kube-server-kinds.ts';
import type { Choice, KubeObject, KubeStore, Place } from './kube-server-store.ts';

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly body: object;
}

/** A call on one object (or, for POST, on a collection). */
export interface Write {
  readonly method: string;
  readonly kind: ServedKind;
  readonly place: Place;
  /** '', 'scale' or 'status'. */
  readonly subresource: string;
  readonly body: unknown;
}

type Json = Record<string, unknown>;

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A JSON patch, RFC 6902, of tests, replacements and additions to objects; null: a test failed. Anything else is a merge patch. */
function patched(before: KubeObject, patch: unknown): KubeObject | null {
  if (!Array.isArray(patch)) return merged(before, patch) as KubeObject;
  const after = structuredClone(before);
  for (const { op, path, value } of patch as { op: string; path: string; value: unknown }[]) {
    const steps = path.split('/').slice(1);
    const last = steps.pop()!;
    const parent = steps.reduce<Record<string, unknown>>(
      (node, step) => node[step] as Record<string, unknown>,
      after as unknown as Record<string, unknown>,
    );
    if (op === 'test' && parent[last] !== value) return null;
    if (op === 'replace' || op === 'add') parent[last] = value;
  }
  return after;
}

/** A merge patch, RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Json = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

const nameOf = ({ kind, place }: Write) =>
  `${kind.plural}${kind.apiVersion.includes('/') ? `.${kind.apiVersion.split('/')[0]}` : ''} "${place.name}"`;

const notFound = (write: Write): Answer => ({
  status: 404,
  body: statusObject(404, 'NotFound', `${nameOf(write)} not found`),
});

const conflict = (write: Write): Answer => ({
  status: 409,
  body: statusObject(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${nameOf(write)}: the object has been modified; please apply your changes to the latest version and try again`,
  ),
});

/** The resourceVersion that a body insists on, or undefined. */
const insistedVersion = (body: unknown): string | undefined =>
  (body as Partial<KubeObject> | null)?.metadata?.resourceVersion || undefined;

function create(store: KubeStore, write: Write): Answer {
  const object = write.body as KubeObject;
  const place = { ...write.place, name: object.metadata.name };
  if (store.get(place) !== undefined) {
    const message = `${nameOf({ ...write, place })} already exists`;
    return { status: 409, body: statusObject(409, 'AlreadyExists', message) };
  }
  const { apiVersion, kind } = write.kind;
  return { status: 201, body: store.set(place, { apiVersion, kind, ...object }) };
}

/** What the object becomes when `wanted` is written to it by way of the subresource. */
function applied(current: KubeObject, wanted: KubeObject, subresource: string): KubeObject {
  if (subresource === 'scale') {
    return { ...current, spec: { ...current.spec, replicas: wanted.spec?.replicas ?? 0 } };
  }
  if (subresource === 'status') return { ...current, status: wanted.status ?? {} };
  return wanted;
}

function shown(object: KubeObject, subresource: string): KubeObject {
  return subresource === 'scale' ? scaleOf(object) : object;
}

/** GET, POST, PUT, PATCH and DELETE of objects: 409 for a stale resourceVersion, 404 for what is not there. */
export function writeObject(store: KubeStore, write: Write): Answer {
  const { method, place, subresource, body } = write;
  if (method === 'POST') return create(store, write);
  const current = store.get(place);
  if (current === undefined) return notFound(write);
  if (method === 'GET') return { status: 200, body: shown(current, subresource) };
  const insisted = method === 'DELETE' ? undefined : insistedVersion(body);
  if (insisted !== undefined && insisted !== current.metadata.resourceVersion) return conflict(write);
  if (method === 'DELETE') return { status: 200, body: store.delete(place)! };
  const before = shown(current, subresource);
  const wanted = method === 'PATCH' ? patched(before, body) : (body as KubeObject);
  const refused = 'the server rejected our request due to an error in our request';
  if (wanted === null) return { status: 422, body: statusObject(422, 'Invalid', refused) };
  const next = applied(current, wanted, subresource);
  // A write that changes nothing keeps its version and is told to nobody.
  if (JSON.stringify(next) === JSON.stringify(current)) return { status: 200, body: before };
  return { status: 200, body: shown(store.set(place, next), subresource) };
}

/** Sends an answer, where somebody still waits for it. */
export function reply(res: ServerResponse, status: number, body: object): void {
  if (res.destroyed) return;
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A list, or a page of one: `continue` is the version and the place to go on from, 410 when that is forgotten. */
export function listPage(
  store: KubeStore,
  asked: { readonly kind: ServedKind; readonly choice: Choice; readonly query: URLSearchParams },
): Answer {
  const { kind, choice, query } = asked;
  const [version, from] = (query.get('continue') ?? `${store.version}:0`).split(':').map(Number);
  if (query.has('continue') && version! <= store.compactedTo) {
    const message = 'The provided continue parameter is too old to display a consistent list result.';
    return { status: 410, body: statusObject(410, 'Expired', message) };
  }
  const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY;
  const all = store.list(choice);
  const items = all.slice(from!, from! + limit);
  const next = from! + items.length;
  const metadata = {
    resourceVersion: String(version),
    ...(next < all.length ? { continue: `${version}:${next}`, remainingItemCount: all.length - next } : {}),
  };
  return { status: 200, body: { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata, items } };
}
