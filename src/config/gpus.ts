import { z } from 'zod';
import { modelName } from './model-name.ts';
import { duration, size } from './units.ts';

const poolName = () =>
  z.string().regex(/^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$/, {
    error: 'must be a name of letters, digits, dots and dashes',
  });

const idError = 'must be the number of a GPU, or its UUID, as nvidia-smi -L tells them';

const gpuSchema = z.union(
  [
    z.strictObject({
      id: z
        .union([z.int().min(0), z.string().regex(/^[A-Za-z0-9][-/:.A-Za-z0-9]*$/, { error: idError })], {
          error: idError,
        })
        .describe('Its number in the order of the PCI bus (0 = the first), or its UUID.'),
      memory: size('Memory that models may take of it.', 1),
      pool: poolName()
        .nullable()
        .prefault(null)
        .describe('Name of a kind of GPUs, for needs.pool. Default: none.'),
    }),
    z.strictObject({
      pool: poolName().describe('Name of a kind of GPUs of a cluster, for needs.pool.'),
      count: z.int().min(1).describe('How many there are; each is taken whole.'),
    }),
  ],
  { error: 'must be { id, memory } or { pool, count }' },
);

/** `gpus`. */
export const gpusSchema = z
  .union([z.literal('auto'), z.array(gpuSchema)], { error: 'must be auto or a list of GPUs' })
  .prefault([])
  .describe(
    'GPUs that models share: { id, memory } of this machine, or { pool, count } of a cluster; auto: those that ' +
      'nvidia-smi or rocm-smi tells of at the start. Default: none, and models are started whatever others need.',
  );

/** `hostMemory`. */
export const hostMemorySchema = size("The host's memory that models share. 0 = no limit.").prefault(0);

/** `swap`. */
export const swapSchema = z
  .strictObject({
    maxPass: duration(
      'A model that waits for room is passed by requests to loaded models for that long at most. 0 = not at all.',
    ).prefault('2m'),
  })
  .prefault({})
  .describe('How models that do not fit at once take turns.');

/** `scale`: what holds over all models. */
export const overallScaleSchema = z
  .strictObject({
    maxStarting: z
      .int()
      .min(1)
      .nullable()
      .prefault(null)
      .describe('Replicas of all models that may start at the same time. Default: no limit.'),
  })
  .prefault({})
  .describe('Limits over all models.');

const groupSchema = z.strictObject({
  members: z.array(modelName).min(1).describe('Names of models; each is in one group at most.'),
  swap: z.boolean().prefault(false).describe('Only one of the members runs at a time.'),
  exclusive: z
    .boolean()
    .prefault(false)
    .describe('While a member runs, no model outside of the group does, but persistent ones.'),
  persistent: z
    .boolean()
    .prefault(false)
    .describe('Members are never evicted for others: they end by their own idle time alone.'),
});

/** `groups`. */
export const groupsSchema = z
  .record(z.string().min(1), groupSchema)
  .prefault({})
  .describe('Name to group of models that share room in another way.');

/** `models.X.needs`. */
export const needsSchema = z
  .union(
    [
      z.literal('auto'),
      z.strictObject({
        gpus: z
          .int()
          .min(0)
          .prefault(1)
          .describe('GPUs of a replica, all at once. 0 = none, and it sees none.'),
        memory: z
          .union([z.literal('auto'), size('')], {
            error: 'must be a size with its unit, such as 20GiB, or 0, or auto',
          })
          .prefault(0)
          .describe(
            'Memory on each of them. 0 = a whole GPU; auto: learned, and a whole GPU until it is known.',
          ),
        hostMemory: size("Part of the host's memory. 0 = not counted.").prefault(0),
        pool: poolName().nullable().prefault(null).describe('Which GPUs. Default: any.'),
      }),
    ],
    { error: 'must be auto or { gpus, memory, hostMemory, pool }' },
  )
  .nullable()
  .prefault(null)
  .describe(
    'What a replica takes of gpus and hostMemory; auto: one GPU, memory learned. Default: nothing is counted.',
  );

/** `needs` of a Model object: the GPUs of a cluster are taken whole. */
export const kubernetesNeedsSchema = z
  .strictObject({
    gpus: z.int().min(0).prefault(1).describe('GPUs of a replica, all at once. 0 = none.'),
    pool: poolName().nullable().prefault(null).describe('Which GPUs. Default: the only pool there is.'),
  })
  .transform((needs): z.output<typeof needsSchema> => ({ ...needs, memory: 0, hostMemory: 0 }))
  .nullable()
  .prefault(null)
  .describe("What a replica takes of the gateway's gpus. Default: nothing is counted.");

/** What the schemas yield. */
export type RawGpus = z.output<typeof gpusSchema>;
export type RawNeeds = z.output<typeof needsSchema>;
