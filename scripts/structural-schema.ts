import type { z } from 'zod';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** A node of a structural schema (apiextensions.k8s.io/v1), as plain data. */
export type StructuralSchema = Record<string, unknown>;

/** Bounds that every whole number has by itself. */
const safeIntegers = new Set<unknown>([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);
const keptKeywords = [
  'description',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
];

/**
 * A JSON schema as the API server takes it: alternatives are merged into one node (a map of all their keys, a number or
 * text as int-or-string), null is nullable, and defaults are left out. What is text or a map has no type there: it is kept
 * as it is written.
 */
export function structuralOf(schema: JsonSchema): StructuralSchema {
  const options = optionsOf(schema);
  const isNullable = options.some(({ type }) => type === 'null');
  const real = options.filter(({ type }) => type !== 'null');
  const described = schema.description === undefined ? {} : { description: schema.description };
  const merged = real.length === 1 ? plain(real[0]!) : mergedOf(real);
  return { ...merged, ...described, ...(isNullable ? { nullable: true } : {}) };
}

function optionsOf(schema: JsonSchema): JsonSchema[] {
  const options = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as JsonSchema[];
  return options.length === 0 ? [schema] : options.flatMap(optionsOf);
}

function plain(schema: JsonSchema): StructuralSchema {
  const node: StructuralSchema = { type: schema.type ?? typeof schema.const };
  for (const key of keptKeywords) {
    const value = schema[key as keyof JsonSchema];
    if (value !== undefined && !safeIntegers.has(value)) node[key] = value;
  }
  if (schema.const !== undefined) node.enum = [schema.const];
  if (schema.items !== undefined) node.items = structuralOf(schema.items as JsonSchema);
  if (schema.properties !== undefined) {
    node.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [key, structuralOf(value as JsonSchema)]),
    );
    if (schema.required !== undefined) node.required = schema.required;
  } else if (typeof schema.additionalProperties === 'object') {
    node.additionalProperties = structuralOf(schema.additionalProperties);
  }
  return node;
}

function mergedOf(options: readonly JsonSchema[]): StructuralSchema {
  const types = new Set(options.map(({ type, const: only }) => type ?? typeof only));
  if (types.size === 1 && types.has('object')) return mergedMap(options);
  if (types.size === 1 && types.has('boolean')) return { type: 'boolean' };
  const isIntOrString = [...types].every((type) => ['integer', 'number', 'string'].includes(String(type)));
  if (!isIntOrString) return { 'x-kubernetes-preserve-unknown-fields': true };
  const node: StructuralSchema = { 'x-kubernetes-int-or-string': true };
  const words = options.map(({ const: only }) => only).filter((only) => typeof only === 'string');
  for (const option of options.filter(({ const: only }) => typeof only !== 'string')) {
    const { type: _, enum: only, ...bounds } = plain(option);
    Object.assign(node, bounds, only === undefined ? {} : { minimum: option.const, maximum: option.const });
  }
  if (node.pattern !== undefined && words.length > 0)
    node.pattern = [...words.map((word) => `^${word}$`), node.pattern].join('|');
  return node;
}

/** Every key of the alternatives; required is what all of them require. */
function mergedMap(options: readonly JsonSchema[]): StructuralSchema {
  const names = [...new Set(options.flatMap(({ properties = {} }) => Object.keys(properties)))];
  const properties = names.map((name) => {
    const found = options.flatMap(({ properties = {} }) => (name in properties ? [properties[name]] : []));
    const nodes = found.map((schema) => structuralOf(schema as JsonSchema));
    const isFlag = nodes.every(({ type }) => type === 'boolean');
    return [name, isFlag ? { type: 'boolean', description: nodes[0]!.description } : nodes[0]] as const;
  });
  const required = names.filter((name) => options.every((option) => option.required?.includes(name)));
  const node = { type: 'object', properties: Object.fromEntries(properties) };
  return required.length === 0 ? node : { ...node, required };
}
