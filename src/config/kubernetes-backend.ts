import { z } from 'zod';
import { headersSchema } from './backend-headers.ts';
import { httpVersionSchema } from './http-version.ts';
import { labelName, objectName } from './kubernetes-name.ts';
import { kubernetesReadySchema } from './ready.ts';
import type { KubernetesBackend } from './settings.ts';

const targetError = 'must be KIND/NAME, such as deployment/qwen-32b, or { apiVersion, kind, name }';

const kindName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9]{0,62}$/, { error: 'must be a kind, such as Deployment, or its short name' });

const targetName = objectName();

const targetSchema = z
  .union(
    [
      z.string().meta({ pattern: '^[A-Za-z][A-Za-z0-9]{0,62}/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$' }),
      z.strictObject({
        apiVersion: z
          .string()
          .regex(/^([a-z0-9]([-.a-z0-9]*[a-z0-9])?\/)?v[a-z0-9]+$/, {
            error: 'must be GROUP/VERSION, such as apps/v1, or v1',
          })
          .nullable()
          .prefault(null)
          .describe('Group and version, such as apps/v1. Default: that which serves the kind, apps first.'),
        kind: kindName.describe('Kind, such as Deployment.'),
        name: targetName.describe('Name of the object.'),
      }),
    ],
    { error: targetError },
  )
  .transform((written, context): KubernetesBackend['scaleTarget'] => {
    if (typeof written !== 'string') return written;
    const [kind = '', name = '', ...rest] = written.split('/');
    const isTarget = rest.length === 0 && kindName.safeParse(kind).success;
    const named = targetName.safeParse(name);
    if (isTarget && named.success) return { apiVersion: null, kind, name };
    const message =
      isTarget && name !== '' ? `names ${name}, which ${named.error!.issues[0]!.message}` : targetError;
    context.issues.push({ code: 'custom', input: written, message });
    return z.NEVER;
  });

const portError = 'must be a port from 1 to 65535 or the name of one';

/** `models.X.backend` with `driver: kubernetes`. */
export const kubernetesBackendSchema = z.strictObject({
  driver: z.literal('kubernetes').describe('How the backend is run: process, static or kubernetes.'),
  namespace: labelName().nullable().prefault(null).describe("Of the target. Default: the gateway's own."),
  scaleTarget: targetSchema.describe(
    'What is scaled: KIND/NAME, or { apiVersion, kind, name }; anything with a scale subresource, or a Knative Service.',
  ),
  service: labelName()
    .nullable()
    .prefault(null)
    .describe("Service whose endpoints are the replicas. Default: the pods' own addresses."),
  port: z
    .union(
      [
        z.int().min(1).max(65_535),
        z
          .string()
          .max(63)
          .regex(/^([0-9][-0-9]*)?[a-z]([-a-z0-9]*[a-z0-9])?$/, { error: portError }),
      ],
      { error: portError },
    )
    .nullable()
    .prefault(null)
    .describe(
      'Port of the replicas, which takes plain HTTP: its number or its name. Default: the only one there is.',
    ),
  route: z
    .enum(['auto', 'pod', 'service'])
    .prefault('auto')
    .describe(
      'Where requests go: pod: to the pods; service: through the Service; auto: the Service where a mesh takes no ' +
        'direct connections, else the pods.',
    ),
  http: httpVersionSchema,
  headers: headersSchema,
  ready: kubernetesReadySchema,
});

/** What the schema yields. */
export type RawKubernetesBackend = z.output<typeof kubernetesBackendSchema>;
