import { z } from 'zod';
import { faultsOf, type RawFault } from './issues.ts';
import type { RawModel } from './model.ts';
import { modelOf } from './normalise.ts';
import { formatDuration } from './quantities.ts';
import { modelFaults } from './rules.ts';
import { scaleSchema } from './scale.ts';
import type { ModelSettings } from './settings.ts';

/** What was changed of a model's `scale` at run time: a part of that section, as the file would have it. */
export type ScaleOverrides = Readonly<Record<string, unknown>>;

/** A model's settings with what was changed laid over them, or why they cannot be; paths begin with `scale`. */
export type Overridden = { readonly settings: ModelSettings } | { readonly faults: readonly RawFault[] };

/**
 * Which keys may be changed at run time. The others say how a backend is reached, used and put to sleep: that is taken from
 * where the model is written only, and `ladder` holds commands, which nobody may set over the network.
 */
const isChangeable: Readonly<Record<keyof RawModel['scale'], boolean>> = {
  min: true,
  max: true,
  policy: true,
  kpa: true,
  idle: true,
  coldStartCost: true,
  minUp: true,
  thrashWindow: true,
  buffer: true,
  maxStarting: true,
  schedules: true,
  signals: true,
  pause: true,
  ladder: false,
  ramp: false,
  owner: false,
  capacityTimeout: false,
  gauge: false,
};

/** No key of `scale` is as deep: what is deeper is left as it is, and refused by the schema. */
const deepest = 8;

type JsonSchema = z.core.JSONSchema.BaseSchema;
type Fields = Readonly<Record<string, unknown>>;

/**
 * JSON Merge Patch (RFC 7396) of what was changed before: null takes a key out, so that it is as written again. Maps of
 * which nothing is left are taken out as well. Pure.
 */
export function patched(before: ScaleOverrides, patch: Fields, depth = 0): ScaleOverrides {
  const fields = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(patch)) {
    const old = fields.get(key);
    const isMerged = isMap(value) && depth < deepest;
    const next = isMerged ? patched(isMap(old) ? old : {}, value, depth + 1) : value;
    if (next === null || (isMap(next) && Object.keys(next).length === 0)) fields.delete(key);
    else fields.set(key, next);
  }
  return Object.fromEntries(fields);
}

/** The settings as they were with these keys of `scale` in the file; the backend stays what it is. Pure. */
export function overridden(settings: ModelSettings, overrides: ScaleOverrides): Overridden {
  const { name, written } = settings;
  const given = Object.keys(overrides);
  if (given.length === 0) return { settings };
  const fixed = given.filter(isFixed).map(fixedFault);
  if (fixed.length > 0) return { faults: fixed };
  const parsed = scaleSchema.safeParse(overrides);
  if (!parsed.success) {
    const root = { models: { [name]: { scale: overrides } } };
    const faults = faultsOf(parsed.error.issues, root, ['models', name, 'scale']);
    return { faults: faults.map((fault) => ({ ...fault, path: fault.path.slice(2) })) };
  }
  const scale = laidOver(written.scale, parsed.data, overrides) as RawModel['scale'];
  const changed: RawModel = { ...written, scale };
  const faults = modelFaults([], changed);
  if (faults.length > 0) return { faults };
  const { backend } = settings.revision;
  return {
    settings: {
      ...settings,
      written: changed,
      revision: { ...modelOf(name, changed).revision, backend },
    },
  };
}

/** Keys that there are not are left to the schema, which has words for them. */
function isFixed(key: string): boolean {
  return Object.hasOwn(isChangeable, key) && !isChangeable[key as keyof typeof isChangeable];
}

function fixedFault(key: string): RawFault {
  const message = 'cannot be changed at run time: change it where the model is written';
  return { path: ['scale', key], message, hint: null };
}

/** What was parsed, only where it was given; everything else as it is written. */
function laidOver(written: unknown, parsed: unknown, given: unknown): unknown {
  if (!isMap(written) || !isMap(parsed) || !isMap(given)) return parsed;
  const changes = Object.keys(given).map((key) => [key, laidOver(written[key], parsed[key], given[key])]);
  return { ...written, ...Object.fromEntries(changes) };
}

/** `scale` of a model as it holds, in the words of the file: durations as text, every default filled in. */
export function scaleDocument({ written, revision }: ModelSettings): object {
  const { min, max } = revision.scale;
  const schema = z.toJSONSchema(scaleSchema, { io: 'input', target: 'draft-7' });
  return { ...(inWords(written.scale, [schema]) as object), min, max };
}

function inWords(value: unknown, alternatives: readonly JsonSchema[]): unknown {
  const schemas = alternatives.flatMap((schema) => [schema, ...((schema.anyOf ?? []) as JsonSchema[])]);
  if (typeof value === 'number')
    return schemas.some(({ title }) => title === 'duration') ? formatDuration(value) : value;
  const items = schemas.flatMap((schema) => (isMap(schema.items) ? [schema.items as JsonSchema] : []));
  if (Array.isArray(value)) return value.map((item) => inWords(item, items));
  if (!isMap(value)) return value;
  const fieldsOf = (key: string) => schemas.map((schema) => schema.properties?.[key]).filter(isMap);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inWords(item, fieldsOf(key))]));
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
