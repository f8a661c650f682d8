import type { z } from 'zod';
import type { Path } from './path.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Keys and values of the design that are not built yet, by their place (`*` is any one step). */
const notBuilt: readonly (readonly string[])[] = [
  ['models', '*', 'revisions'],
  ['models', '*', 'traffic'],
  ['models', '*', 'tenants'],
  ['tenants'],
  ['discovery'],
];

/** Whether the key belongs to a feature that is planned and not built. */
export function isNotBuilt(path: Path): boolean {
  return notBuilt.some(
    (known) => known.length === path.length && known.every((step, at) => step === '*' || step === path[at]),
  );
}

/** The keys that the schema knows at `path`, over all alternatives there. */
export function knownKeys(root: JsonSchema, path: Path): string[] {
  let schemas = alternatives(root);
  for (const step of path) {
    schemas = schemas.flatMap((schema) => childrenOf(schema, step)).flatMap(alternatives);
  }
  return [...new Set(schemas.flatMap(ownKeys))];
}

function ownKeys({ properties, propertyNames }: JsonSchema): string[] {
  const names = typeof propertyNames === 'object' ? (propertyNames.enum ?? []) : [];
  return [...Object.keys(properties ?? {}), ...names.map(String)];
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  const nested = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as JsonSchema[];
  return [schema, ...nested.flatMap(alternatives)];
}

function childrenOf(schema: JsonSchema, step: string | number): JsonSchema[] {
  const child =
    typeof step === 'number' ? schema.items : (schema.properties?.[step] ?? schema.additionalProperties);
  return typeof child === 'object' && !Array.isArray(child) ? [child as JsonSchema] : [];
}

/** The candidate that `word` is most likely a misspelling of; null: none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plain(word), plain(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** So that max_bytes and maxbytes are near maxBytes. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '');
}

/** Damerau-Levenshtein distance (optimal string alignment): one insertion, deletion, replacement or swap costs 1. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) distance = Math.min(distance, beforeLast[j - 2]! + 1);
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
