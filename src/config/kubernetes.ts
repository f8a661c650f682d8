import { resolve } from 'node:path';
import { z } from 'zod';
import { labelName, objectName } from './kubernetes-name.ts';
import type { KubernetesSettings } from './settings.ts';
import { duration } from './units.ts';

const leaseSchema = z
  .union(
    [
      z.literal(false),
      z.strictObject({
        name: objectName()
          .prefault('pilotlight')
          .describe('Name of the Lease; gateways with the same one are a group.'),
        namespace: labelName()
          .nullable()
          .prefault(null)
          .describe("Where the Lease is. Default: the gateway's own namespace."),
        duration: duration('Unchanged for that long, the Lease may be taken over.', 1000).prefault('15s'),
        renewDeadline: duration(
          'A leader that could not renew for that long stops leading; less than duration.',
          1,
        ).prefault('10s'),
        retry: duration('Between two attempts; less than renewDeadline.', 1).prefault('2s'),
      }),
    ],
    { error: 'must be false or { name, namespace, duration, renewDeadline, retry }' },
  )
  .prefault({})
  .describe('One active gateway among those with the same Lease; false: none, this one always leads.');

const discoverySchema = z
  .strictObject({
    models: z.boolean().prefault(false).describe('Objects of kind Model (pilotlight.dev/v1alpha1).'),
    annotations: z.boolean().prefault(false).describe('Workloads with the annotation pilotlight.dev/model.'),
  })
  .prefault({})
  .describe('Which models are taken from the cluster, besides those of the file.');

const sectionSchema = z.strictObject({
  kubeconfig: z
    .string()
    .min(1)
    .nullable()
    .prefault(null)
    .describe("Path of a kubeconfig. Default: the pod's own account, else KUBECONFIG, else ~/.kube/config."),
  context: z
    .string()
    .min(1)
    .nullable()
    .prefault(null)
    .describe('Of the kubeconfig. Default: its current one.'),
  namespaces: z
    .array(labelName())
    .refine((names) => new Set(names).size === names.length, { error: 'names the same namespace twice' })
    .prefault([])
    .describe("Where models are discovered. Default: the gateway's own namespace."),
  discovery: discoverySchema,
  lease: leaseSchema,
});

/** The `kubernetes` section. */
export const kubernetesSchema = sectionSchema
  .nullable()
  .prefault(null)
  .describe(
    'How the gateway reaches the cluster. Default: as in a pod, with a Lease, once a model uses the driver.',
  );

/** What the schema yields for a section that is there. */
export type RawKubernetes = z.output<typeof sectionSchema>;

/** The section's settings; null stands for one that is not written. `folder` is where a relative kubeconfig starts. */
export function kubernetesOf(raw: RawKubernetes | null, folder: string): KubernetesSettings {
  const { kubeconfig, lease, ...rest } = raw ?? sectionSchema.parse({});
  return {
    ...rest,
    kubeconfig: kubeconfig && resolve(folder, kubeconfig),
    lease: lease === false ? null : leaseOf(lease),
  };
}

function leaseOf({
  name,
  namespace,
  ...times
}: Exclude<RawKubernetes['lease'], false>): KubernetesSettings['lease'] {
  const { duration: durationMs, renewDeadline: renewDeadlineMs, retry: retryMs } = times;
  return { name, namespace, durationMs, renewDeadlineMs, retryMs };
}
