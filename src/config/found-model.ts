import { z } from 'zod';
import { kpaLimits } from '../core/kpa.ts';
import { ownNameFaults } from './companion-rules.ts';
import { kubernetesNeedsSchema } from './gpus.ts';
import { nearest } from './hints.ts';
import { faultsOf, type RawFault } from './issues.ts';
import { type AnnotatedKey, readKpaAnnotations } from './kpa-annotations.ts';
import { kubernetesBackendSchema } from './kubernetes-backend.ts';
import { modelSchema } from './model.ts';
import { modelName } from './model-name.ts';
import { modelOf } from './normalise.ts';
import { formatPath, type Path, valueAt } from './path.ts';
import { modelFaults } from './rules.ts';
import type { ModelSettings } from './settings.ts';

/** What is wrong with an object of the cluster: its place there (`spec.scale.max`, an annotation) and a sentence. */
export interface ObjectFault {
  readonly path: string;
  readonly message: string;
}

/** A model out of an object, or why there is none. */
export type ModelReading = { readonly settings: ModelSettings } | { readonly faults: readonly ObjectFault[] };

/** `spec` of a Model: `models.X` of the file, whose driver is kubernetes and need not be said. */
export const modelObjectSchema = modelSchema.extend({
  backend: kubernetesBackendSchema
    .extend({
      driver: z.literal('kubernetes').prefault('kubernetes').describe('How the backend is run: kubernetes.'),
    })
    .describe('The workload that answers for the model.'),
  needs: kubernetesNeedsSchema,
});

/** Annotations of a workload that is a model, all beginning with `pilotlight.dev/`, to their place in the model. */
const pathByAnnotation: Readonly<Record<string, Path>> = {
  aliases: ['aliases'],
  cold: ['cold'],
  concurrency: ['concurrency'],
  gpus: ['needs', 'gpus'],
  'gpu-pool': ['needs', 'pool'],
  http: ['backend', 'http'],
  idle: ['scale', 'idle'],
  max: ['scale', 'max'],
  min: ['scale', 'min'],
  owner: ['scale', 'owner'],
  pause: ['scale', 'pause'],
  port: ['backend', 'port'],
  'queue-max': ['queue', 'max'],
  'ready-grpc': ['backend', 'ready', 'grpc'],
  'ready-path': ['backend', 'ready', 'path'],
  'ready-trust': ['backend', 'ready', 'trust'],
  route: ['backend', 'route'],
  service: ['backend', 'service'],
  startup: ['backend', 'ready', 'startup'],
  'wake-with': ['wakeWith'],
};

/** A workload with annotations that describe a model. */
interface Workload {
  readonly annotations: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

const annotationPrefix = 'pilotlight.dev/';
const wholeNumbers = new Set(['concurrency', 'gpus', 'http', 'max', 'min', 'port', 'queue-max']);

/**
 * Reads a Model object: `name` and `namespace` of its metadata. It gets at nothing of the gateway's own: `${env.NAME}`
 * and `file:PATH` are refused, and so is a workload of another namespace. Never throws.
 */
export function modelFromObject(object: { name: string; spec: unknown; namespace: string }): ModelReading {
  return readModel(object, (path) => formatPath(['spec', ...path]));
}

/**
 * Reads the annotations of a workload, which is the model's scale target: pilotlight.dev/*, and autoscaling.knative.dev/*
 * where the count is the gateway's, for keys that the former do not set. Never throws.
 */
export function modelFromAnnotations(workload: Workload): ModelReading {
  const { annotations, apiVersion, kind, name, namespace } = workload;
  const spec: Record<string, unknown> = { backend: { scaleTarget: { apiVersion, kind, name } } };
  const wrong: ObjectFault[] = [];
  for (const [annotation, text] of Object.entries(annotations)) {
    const key = annotation.startsWith(annotationPrefix) ? annotation.slice(annotationPrefix.length) : 'model';
    if (key === 'model') continue;
    const path = Object.hasOwn(pathByAnnotation, key) ? pathByAnnotation[key]! : null;
    if (path === null) wrong.push({ path: annotation, message: unknownAnnotation(key) });
    else put(spec, path, writtenIn(key, text));
  }
  const knative = isOwnCount(workload) ? readKpaAnnotations(annotations) : null;
  const taken = knative === null ? [] : putKnative(spec, knative.keys);
  for (const { annotation, message } of knative?.faults ?? []) wrong.push({ path: annotation, message });
  const modelOfWorkload = { name: annotations[`${annotationPrefix}model`] ?? '', spec, namespace };
  const reading = readModel(modelOfWorkload, (path) => placeOfAnnotation(path, taken));
  if (wrong.length === 0) return reading;
  return { faults: [...wrong, ...('faults' in reading ? reading.faults : [])] };
}

function unknownAnnotation(key: string): string {
  const guess = nearest(key, Object.keys(pathByAnnotation));
  return `is not a known annotation${guess === null ? '' : ` (did you mean ${annotationPrefix}${guess}?)`}`;
}

function writtenIn(key: string, text: string): unknown {
  if (key === 'aliases' || key === 'wake-with') return text.split(',').map((alias) => alias.trim());
  if (key === 'pause') return text === 'true' || (text === 'false' ? false : text);
  return wholeNumbers.has(key) && /^\d+$/.test(text) ? Number(text) : text;
}

function put(root: Record<string, unknown>, path: Path, value: unknown): void {
  let parent = root;
  for (const step of path.slice(0, -1)) {
    parent[step] ??= {};
    parent = parent[step] as Record<string, unknown>;
  }
  parent[path.at(-1)!] = value;
}

/** A Knative Service's count is Knative's, and one that others own is theirs: so are the annotations. */
function isOwnCount({ annotations, apiVersion }: Workload): boolean {
  const isKnative = apiVersion.startsWith('serving.knative.dev/');
  return !isKnative && annotations[`${annotationPrefix}owner`] !== 'external';
}

/** Those that were put in: pilotlight.dev/* goes first. Without a word on the most replicas there is no limit, as in Knative. */
function putKnative(spec: Record<string, unknown>, keys: readonly AnnotatedKey[]): readonly AnnotatedKey[] {
  const taken = keys.filter(({ path }) => valueAt(spec, path) === undefined);
  for (const { path, value } of taken) put(spec, path, value);
  const maxPath = ['scale', 'max'];
  if (keys.length > 0 && valueAt(spec, maxPath) === undefined) put(spec, maxPath, kpaLimits.countMax);
  return taken;
}

function placeOfAnnotation(path: Path, knative: readonly AnnotatedKey[]): string {
  const own = knative.find((key) => key.path.every((step, index) => step === path[index]));
  if (own !== undefined) return own.annotation;
  const found = Object.entries(pathByAnnotation).find(([, place]) =>
    place.every((step, index) => step === path[index]),
  );
  return `${annotationPrefix}${found?.[0] ?? 'model'}`;
}

function readModel(
  { name, spec, namespace }: { name: string; spec: unknown; namespace: string },
  placeOf: (path: Path) => string,
): ModelReading {
  const root = { models: { [name]: spec } };
  const named = modelName.safeParse(name);
  const parsed = modelObjectSchema.safeParse(spec);
  const found: RawFault[] = [
    ...referencesIn(spec, []),
    ...(parsed.success ? [...modelFaults([], parsed.data), ...ownNameFaults(name, parsed.data)] : []),
    ...(parsed.success ? [] : withinModel(faultsOf(parsed.error.issues, root, ['models', name]))),
  ];
  const other = parsed.success ? parsed.data.backend.namespace : null;
  if (other !== null && other !== namespace) {
    const message = `must be ${namespace} or left out: a model has workloads of its own namespace only`;
    found.push({ path: ['backend', 'namespace'], message, hint: null });
  }
  if (named.success && parsed.success && found.length === 0) {
    const backend = { ...parsed.data.backend, namespace };
    return { settings: modelOf(name, { ...parsed.data, backend }) };
  }
  const faults = found.map(({ path, message, hint }) => {
    return { path: placeOf(path), message: hint === null ? message : `${message} (${hint})` };
  });
  if (named.success) return { faults };
  return { faults: [{ path: 'name', message: named.error.issues[0]!.message }, ...faults] };
}

function withinModel(faults: readonly RawFault[]): RawFault[] {
  return faults.map((fault) => ({ ...fault, path: fault.path.slice(2) }));
}

/** Texts that the gateway's own file may use to read its environment and its files. */
function referencesIn(value: unknown, path: Path): RawFault[] {
  if (typeof value === 'string') {
    const isHeader = path[0] === 'backend' && path[1] === 'headers';
    if (!value.includes('${env.') && !(isHeader && value.startsWith('file:'))) return [];
    const message = 'must be plain text: ${env.NAME} and file:PATH are for the file of the gateway alone';
    return [{ path, message, hint: null }];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => referencesIn(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => referencesIn(item, [...path, key]));
}
