import { z } from 'zod';
import { backendSchema } from './backend.ts';
import { contractSchema } from './contract.ts';
import { needsSchema } from './gpus.ts';
import { modelName } from './model-name.ts';
import { scaleSchema } from './scale.ts';
import { duration, size } from './units.ts';

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'is not a header name' });

const matchSchema = z
  .strictObject({
    hosts: z
      .array(z.string().regex(/^[^\s:/*]+$/, { error: 'must be a host name without port or wildcard' }))
      .prefault([])
      .describe('Host names without port; any of them.'),
    paths: z
      .array(z.string().regex(/^\/[^?#\s]*$/, { error: 'must begin with / and have no query' }))
      .prefault([])
      .describe('Path prefixes; any of them. They are kept in the request.'),
    headers: z.record(headerName, z.string()).prefault({}).describe('Header values, exact; all of them.'),
    stripPrefix: z
      .boolean()
      .prefault(false)
      .describe('Removes the path prefix before the request is sent on.'),
  })
  .refine((match) => match.hosts.length + match.paths.length + Object.keys(match.headers).length > 0, {
    error: 'must name hosts, paths or headers',
  })
  .nullable()
  .prefault(null)
  .describe('Routes any HTTP request to the model, without a model field in its body.');

const queueSchema = z
  .strictObject({
    max: z.int().min(1).prefault(1000).describe('Requests that may wait; beyond it queue_full.'),
    maxBytes: size('Bytes of bodies that may wait; beyond it queue_full.', 1).prefault('1GiB'),
    timeout: duration('Longest wait. 0 = no limit. Default: ready.startup + 1m.').optional(),
  })
  .prefault({})
  .describe('The queue in front of the model, cold or busy.');

const heartbeatSchema = z
  .strictObject({
    stream: duration('Between SSE comments to a client that waits with stream: true. 0 = none.').prefault(
      '20s',
    ),
    json: duration('Between spaces to a client that waits for JSON; commits status 200. 0 = none.').prefault(
      0,
    ),
  })
  .prefault({})
  .describe('What a waiting client gets to keep its connection open.');

const timeoutsSchema = z
  .strictObject({
    connect: duration('To connect to a replica. 0 = no limit.').prefault('5s'),
    firstByte: duration(
      'To the head of the answer. 0 = no limit. Default: 10m with stream, else timeouts.total.',
    ).optional(),
    idle: duration('Between two pieces of the answer. 0 = no limit.').prefault('2m'),
    total: duration('For the whole request, waiting included. 0 = no limit.').prefault('30m'),
    stall: duration(
      'Without a byte on any request of a replica for that long, it is taken out. 0 = never.',
    ).prefault('10m'),
  })
  .prefault({})
  .describe('Limits on the way to the backend and back.');

const sessionError = 'must be { header: NAME } or { cookie: NAME }';
const balanceSchema = z
  .strictObject({
    strategy: z
      .enum(['auto', 'least', 'first', 'prefix'])
      .prefault('auto')
      .describe(
        'least: fewest in flight; first: the first with a free slot; prefix: where the prompt was seen; ' +
          'auto: first for concurrency 1 to 3, else least.',
      ),
    session: z
      .union(
        [
          z.strictObject({ header: headerName.describe('Name of the header.') }),
          z.strictObject({ cookie: headerName.describe('Name of the cookie.') }),
        ],
        { error: sessionError },
      )
      .nullable()
      .prefault(null)
      .describe('Requests with the same value of this header or cookie go to the same replica.'),
    maxLoadFactor: z
      .number()
      .min(1)
      .prefault(1.25)
      .describe('For prefix: a replica may hold this many times the mean load before affinity gives way.'),
  })
  .prefault({})
  .describe('How a replica is chosen when there are several.');

/** `models.X`. */
export const modelSchema = z.strictObject({
  aliases: z.array(modelName).prefault([]).describe('Further names by which clients may ask for the model.'),
  match: matchSchema,
  backend: backendSchema,
  contract: contractSchema,
  sendModel: modelName
    .nullable()
    .prefault(null)
    .describe(
      "The name the backend gets, whatever the client wrote; default: the model's own, also for an alias.",
    ),
  concurrency: z.int().min(0).prefault(100).describe('Requests at once per replica. 0 = no limit.'),
  queue: queueSchema,
  scale: scaleSchema,
  needs: needsSchema,
  cold: z
    .enum(['hold', 'reject'])
    .prefault('hold')
    .describe(
      'What a request gets while the model is cold: a place in the queue, or an answer at once. Both wake it.',
    ),
  deadlineAware: z
    .boolean()
    .prefault(true)
    .describe('Refuses at once who cannot be served before their deadline (would_not_make_it).'),
  wakeWith: z
    .array(modelName)
    .prefault([])
    .describe('Models, by name or alias, that are woken when this one is: those it is used with.'),
  heartbeat: heartbeatSchema,
  timeouts: timeoutsSchema,
  balance: balanceSchema,
  rollout: z
    .enum(['start-first', 'stop-first'])
    .optional()
    .describe(
      'Order when the backend changes. Default: start-first; stop-first for process with scale.max 1.',
    ),
});

/** What the schema yields. */
export type RawModel = z.output<typeof modelSchema>;
