import type { z } from 'zod';
import { authSchema } from './auth.ts';
import { gpusSchema, groupsSchema, hostMemorySchema } from './gpus.ts';
import { kubernetesSchema } from './kubernetes.ts';
import { modelSchema, type RawModel } from './model.ts';
import { valueAt } from './path.ts';
import type { RawConfig } from './schema.ts';
import { serverSchema } from './server.ts';
import { surfacesSchema } from './surfaces.ts';

/** The parts of a file that are without fault in themselves. */
export interface Sections {
  /** undefined: has a fault. */
  readonly server: RawConfig['server'] | undefined;
  readonly auth: RawConfig['auth'] | undefined;
  readonly kubernetes: RawConfig['kubernetes'] | undefined;
  readonly gpus: RawConfig['gpus'] | undefined;
  readonly hostMemory: RawConfig['hostMemory'] | undefined;
  readonly groups: RawConfig['groups'] | undefined;
  readonly surfaces: RawConfig['surfaces'] | undefined;
  readonly models: ReadonlyMap<string, RawModel>;
  /** All models that are written, those with faults included. */
  readonly modelNames: readonly string[];
  /** Whether there is no model: the key is not there, or holds none. */
  readonly lacking: 'key' | 'models' | null;
}

/** The sections of a file that fits the schema as a whole. */
export function sectionsOf({ models, ...sections }: RawConfig): Sections {
  return {
    ...sections,
    models: new Map(Object.entries(models ?? {})),
    modelNames: Object.keys(models ?? {}),
    lacking: lackingOf(models),
  };
}

/** Reads each section of a faulty file by itself, so that a fault in one does not hide those of the others. */
export function readSections(root: unknown): Sections {
  const written = valueAt(root, ['models']);
  const isMap = isMapOf(written);
  const entries = isMap ? Object.entries(written) : [];
  const models = entries.flatMap(([name, value]) => {
    const model = read(modelSchema, value);
    return model === undefined ? [] : [[name, model] as const];
  });
  return {
    server: read(serverSchema, valueAt(root, ['server'])),
    auth: read(authSchema, valueAt(root, ['auth'])),
    kubernetes: read(kubernetesSchema, valueAt(root, ['kubernetes'])),
    gpus: read(gpusSchema, valueAt(root, ['gpus'])),
    hostMemory: read(hostMemorySchema, valueAt(root, ['hostMemory'])),
    groups: read(groupsSchema, valueAt(root, ['groups'])),
    surfaces: read(surfacesSchema, valueAt(root, ['surfaces'])),
    models: new Map(models),
    modelNames: entries.map(([name]) => name),
    lacking:
      isMapOf(root) && (isMap || written === undefined) ? lackingOf(written as object | undefined) : null,
  };
}

function isMapOf(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lackingOf(models: object | undefined): Sections['lacking'] {
  if (models === undefined) return 'key';
  return Object.keys(models).length === 0 ? 'models' : null;
}

function read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> | undefined {
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}
