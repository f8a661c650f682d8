import { z } from 'zod';
import type { RawFault } from './issues.ts';
import type { RawModel } from './model.ts';
import type { Path } from './path.ts';
import { duration } from './units.ts';
import { warmUpSchema } from './warm-up.ts';

/** What means ready where nothing else is said. */
export const defaultReadyStatuses: readonly number[] = [200];

const readyPath = z.string().regex(/^\/\S*$/, { error: 'must begin with /' });
const readyStatus = z.array(z.int().min(100).max(599)).min(1);

const body = z.string().min(1).nullable().prefault(null).describe('Text that the body must contain as well.');

const noTcp = z
  .literal(false)
  .optional()
  .describe('true: ready as soon as the port accepts; then path, status, body and grpc do not apply.');

const grpc = z
  .string()
  .regex(/^[\x21-\x7e]*$/, { error: 'must be the name of a service, without spaces' })
  .optional()
  .describe(
    'Service that is asked for by gRPC (grpc.health.v1.Health), ready when SERVING; "" is the server as a whole. Then path, status and body do not apply. Default: HTTP is asked.',
  );

const httpReady = z.strictObject({
  path: readyPath
    .optional()
    .describe(
      'Path that is asked with GET. Default: that of the contract; /health of openai, vertex and raw.',
    ),
  status: readyStatus.optional().describe('Statuses that mean ready. Default: [200].'),
  ...{ body, grpc, tcp: noTcp },
});

const readyTimes = {
  startup: duration('A start that takes longer has failed.', 1).prefault('10m'),
  timeout: duration('Limit of one probe.', 1).prefault('5s'),
  loading: z
    .string()
    .min(1)
    .prefault('Loading model')
    .describe("Text in a 503's body by which the backend says that it is still loading."),
  warmUp: warmUpSchema,
};

/** `models.X.backend.ready`, where the gateway alone says what is asked. */
export const readySchema = z
  .discriminatedUnion('tcp', [
    httpReady.extend(readyTimes),
    z.strictObject({ tcp: z.literal(true).describe('Ready as soon as the port accepts.'), ...readyTimes }),
  ])
  .prefault({})
  .describe('How to tell that a replica is ready.');

const podReady = {
  trust: z
    .enum(['auto', 'own', 'kubernetes', 'both'])
    .prefault('auto')
    .describe(
      'Who says that a pod is ready: own: the probe of the gateway; kubernetes: the condition Ready; both; ' +
        'auto: own, or kubernetes where the pod has only an exec or a startup probe.',
    ),
  ...readyTimes,
};

/** `ready` of the kubernetes driver: without path, status, body, grpc and tcp the pod's own readiness probe is run. */
export const kubernetesReadySchema = z
  .discriminatedUnion('tcp', [
    z.strictObject({
      path: readyPath
        .optional()
        .describe(
          "Path that is asked with GET. Default: the pod's own readiness probe is run; /health with status or body.",
        ),
      status: readyStatus.optional().describe('Statuses that mean ready. Default: [200] with path or body.'),
      ...{ body, grpc, tcp: noTcp },
      ...podReady,
    }),
    z.strictObject({ tcp: z.literal(true).describe('Ready as soon as the port accepts.'), ...podReady }),
  ])
  .prefault({})
  .describe('How to tell that a pod is ready.');

type RawReady = RawModel['backend']['ready'];

/** Whether it says what is asked over HTTP. */
export function saysHttp(ready: RawReady): boolean {
  if (ready.tcp === true) return false;
  return ready.path !== undefined || ready.status !== undefined || ready.body !== null;
}

/** What goes with HTTP only is not said beside `grpc`. */
export function readyFaults(path: Path, { backend: { ready } }: RawModel): RawFault[] {
  if (ready.tcp === true || ready.grpc === undefined || !saysHttp(ready)) return [];
  const message = 'asks by gRPC: path, status and body do not apply';
  return [{ path: [...path, 'backend', 'ready', 'grpc'], message, hint: null }];
}
