import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { configJsonSchema } from '../../src/config/schema.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

interface Key {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

function alternativesOf(schema: JsonSchema): JsonSchema[] {
  const nested = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as JsonSchema[];
  return [schema, ...nested.flatMap(alternativesOf)];
}

/** Every key that the file may have, wherever it stands. */
function keysOf(schema: JsonSchema, path: string): Key[] {
  return alternativesOf(schema).flatMap((map) => {
    const inItems = typeof map.items === 'object' ? keysOf(map.items as JsonSchema, `${path}[]`) : [];
    const values = map.additionalProperties;
    const inValues = typeof values === 'object' ? keysOf(values as JsonSchema, `${path}.NAME`) : [];
    const own = Object.entries(map.properties ?? {}).flatMap(([name, value]) => {
      const key = { path: `${path}.${name}`, schema: value as JsonSchema };
      const isRequired = map.required?.includes(name) ?? false;
      return [{ ...key, isRequired }, ...keysOf(key.schema, key.path)];
    });
    return [...inItems, ...inValues, ...own];
  });
}

const keys = keysOf(configJsonSchema(), '');
const named = keys.map((key) => [key.path, key] as const);

/** What must be told by whoever uses the section at all, or is one of two ways to say the same. */
const hasNone = /\.(sha256|key|tcp|preset|post|run|signal|check\.get|ladder\[\]\.(sleep|wake))$/;

/** Where 0 is no special value (a size of none, no replica, no time), or is refused by the gateway. */
const isPlainZero =
  /\.(gpus\[\]\.memory|heldMemory|min|stopGrace|maxBody|maxBytes|headerSize|headerTimeout|keepAlive|lease\.\w+|coldStartCost|schedules\[\]\.for|ladder\[\].*\.(after|cost|timeout)|jobs\.(keep|maxOutput|lease)|webhooks\.(timeout|giveUpAfter)|kpa\.(window|scaleToZeroGrace)|ready\.(startup|timeout|warmUp\.timeout))$/;

const takesZero = (schema: JsonSchema) =>
  alternativesOf(schema).some(({ const: only, minimum }) => only === 0 || minimum === 0);

describe('every key of the configuration', () => {
  it('is found here: the first and the deepest', () => {
    const paths = keys.map(({ path }) => path);
    expect(paths).toContain('.server.listen');
    expect(paths).toContain('.models.NAME.backend.ready.startup');
    expect(paths).toContain('.models.NAME.balance.session.header');
    expect(paths).toContain('.auth.keys[].priority');
    expect(paths.length).toBeGreaterThan(70);
  });

  it.each(named)('has a sentence: %s', (_path, { schema }) => {
    expect(schema.description ?? '').toMatch(/^[A-Z`][^\n]*\.$|^true: |^[a-z-]+: /);
  });

  it.each(named.filter(([path, { isRequired }]) => !isRequired && !hasNone.test(path)))(
    'has a default, or says which: %s',
    (_path, { schema }) => {
      expect(schema.default !== undefined || /[Dd]efault: /.test(schema.description ?? '')).toBe(true);
    },
  );

  it.each(named.filter(([path, { schema }]) => takesZero(schema) && !isPlainZero.test(path)))(
    'says what 0 means: %s',
    (_path, { schema }) => expect(schema.description).toMatch(/\b0 = /),
  );
});
