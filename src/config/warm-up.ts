import { z } from 'zod';
import type { ReadySpec, WarmUpSpec } from '../core/prober.ts';
import { duration } from './units.ts';

const autoTimeoutMs = 60_000;

/** `warmUp` of `models.X.backend.ready`. */
export const warmUpSchema = z
  .union(
    [
      z.enum(['none', 'auto']),
      z.strictObject({
        path: z
          .string()
          .regex(/^\/\S*$/, { error: 'must begin with /' })
          .describe('Path of the request.'),
        body: z
          .record(z.string(), z.unknown())
          .nullable()
          .prefault(null)
          .describe('Sent as JSON with POST. Default: none, with GET.'),
        timeout: duration(
          'Limit of the request; after it the replica takes requests all the same.',
          1,
        ).prefault('60s'),
      }),
    ],
    { error: 'must be none, auto, or { path, body, timeout }' },
  )
  .prefault('none')
  .describe(
    'A request that a fresh replica gets after its probe passed and before it takes others; auto: one token of the model ' +
      '(completions, else chat, else embeddings), within 60s. One that fails keeps nobody out.',
  );

type RawWarmUp = z.output<typeof warmUpSchema>;

/** The part of a `ReadySpec`; `model` is the name by which the backend knows it. */
export function warmUpOf(
  raw: RawWarmUp,
  model: string,
  headers: WarmUpSpec['headers'],
): Pick<ReadySpec, 'warmUp'> {
  if (raw === 'none') return {};
  if (raw === 'auto') return { warmUp: { requests: oneToken(model), timeoutMs: autoTimeoutMs, headers } };
  const { path, body, timeout: timeoutMs } = raw;
  const requests = [{ path, body: body === null ? null : JSON.stringify(body) }];
  return { warmUp: { requests, timeoutMs, headers } };
}

function oneToken(model: string): WarmUpSpec['requests'] {
  const message = { role: 'user', content: 'Hi' };
  return [
    { path: '/v1/completions', body: JSON.stringify({ model, prompt: 'Hi', max_tokens: 1 }) },
    { path: '/v1/chat/completions', body: JSON.stringify({ model, messages: [message], max_tokens: 1 }) },
    { path: '/v1/embeddings', body: JSON.stringify({ model, input: 'Hi' }) },
  ];
}
