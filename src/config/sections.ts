import type { z } from 'zod';
import { authSchema } from './auth.ts';
import { modelSchema } from './model.ts';
import { valueAt } from './path.ts';
import type { RawConfig } from './schema.ts';
import { serverSchema } from './server.ts';

/** The parts of a file that are without fault in themselves. */
export interface Sections {
  /** undefined: has a fault. */
  readonly server: RawConfig['server'] | undefined;
  readonly auth: RawConfig['auth'] | undefined;
  readonly models: ReadonlyMap<string, RawConfig['models'][string]>;
  /** All models that are written, those with faults included. */
  readonly modelNames: readonly string[];
}

/** The sections of a file that fits the schema as a whole. */
export function sectionsOf({ server, auth, models }: RawConfig): Sections {
  return { server, auth, models: new Map(Object.entries(models)), modelNames: Object.keys(models) };
}

/** Reads each section of a faulty file by itself, so that a fault in one does not hide those of the others. */
export function readSections(root: unknown): Sections {
  const written = valueAt(root, ['models']);
  const isMap = typeof written === 'object' && written !== null && !Array.isArray(written);
  const entries = isMap ? Object.entries(written) : [];
  const models = entries.flatMap(([name, value]) => {
    const model = read(modelSchema, value);
    return model === undefined ? [] : [[name, model] as const];
  });
  return {
    server: read(serverSchema, valueAt(root, ['server'])),
    auth: read(authSchema, valueAt(root, ['auth'])),
    models: new Map(models),
    modelNames: entries.map(([name]) => name),
  };
}

function read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> | undefined {
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}
