import { z } from 'zod';
import { authSchema } from './auth.ts';
import { gpusSchema, groupsSchema, hostMemorySchema, overallScaleSchema, swapSchema } from './gpus.ts';
import { jobsSchema } from './jobs.ts';
import { kubernetesSchema } from './kubernetes.ts';
import { modelSchema } from './model.ts';
import { modelName } from './model-name.ts';
import { serverSchema } from './server.ts';
import { stateDirSchema, storeSchema } from './store.ts';
import { surfacesSchema } from './surfaces.ts';

const logSchema = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .prefault('info')
      .describe('The least important lines that are written.'),
    access: z.boolean().prefault(true).describe('One line per request.'),
  })
  .prefault({})
  .describe('What is logged, as JSON lines on stdout.');

/** The whole file, before normalisation. Every key has a default, a unit where it needs one, and its line of docs. */
export const configSchema = z.strictObject({
  server: serverSchema,
  auth: authSchema,
  store: storeSchema,
  stateDir: stateDirSchema,
  surfaces: surfacesSchema,
  jobs: jobsSchema,
  log: logSchema,
  kubernetes: kubernetesSchema,
  gpus: gpusSchema,
  hostMemory: hostMemorySchema,
  scale: overallScaleSchema,
  swap: swapSchema,
  groups: groupsSchema,
  models: z
    .record(modelName, modelSchema)
    .optional()
    .describe('Name to model; at least one, but where kubernetes.discovery finds them. Default: none.'),
});

/** What the schema yields. */
export type RawConfig = z.output<typeof configSchema>;

/** The file's JSON schema (draft 7): what editors complete from, and what the reference and the hints are made of. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
}
