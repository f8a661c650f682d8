import { z } from 'zod';
import type { SignalSettings } from '../core/signals.ts';
import { duration } from './units.ts';

const perReplica = (description: string) =>
  z
    .number()
    .refine((value) => value > 0, { error: 'must be above 0' })
    .nullable()
    .prefault(null)
    .describe(`${description} Default: it is not looked at.`);

/** `models.X.scale.signals`. */
export const signalsSchema = z
  .strictObject({
    queueDelay: duration(
      'How long the oldest waiting request may have waited for the replicas that are ready, 100ms or more. Default: it is not looked at.',
      100,
    ).optional(),
    waitingPerReplica: perReplica('Requests that may wait, for each replica.'),
    firstToken: duration(
      'The mean time to the first part of streamed answers, 10ms or more, without waits for a start. Default: it is not looked at.',
      10,
    ).optional(),
    backend: z
      .strictObject({
        waiting: perReplica('Requests that may wait in a replica, by its own gauges.'),
        running: perReplica('Requests that a replica may work on, by its own gauges.'),
        kvCache: z
          .number()
          .max(1)
          .refine((value) => value > 0, { error: 'must be above 0' })
          .nullable()
          .prefault(null)
          .describe(
            'How full the KV cache of a replica may be, up to 1, by its own gauge. Default: it is not looked at.',
          ),
      })
      .prefault({})
      .describe(
        'What replicas tell at /metrics (vLLM, SGLang, TGI, llama-server), whoever uses them; read every 5 s.',
      ),
  })
  .optional()
  .describe(
    'Values that must not be exceeded: each asks for as many replicas as an HPA would, the most counts, and the policy ' +
      'decides what more there is. Default: only requests count.',
  );

/** As the code takes it; undefined: none is looked at. */
export function signalsOf(raw: z.output<typeof signalsSchema>): SignalSettings | undefined {
  if (raw === undefined) return undefined;
  const { queueDelay: queueDelayMs = null, firstToken: firstTokenMs = null, waitingPerReplica } = raw;
  const { backend } = raw;
  const all = [queueDelayMs, firstTokenMs, waitingPerReplica, ...Object.values(backend)];
  return all.every((target) => target === null)
    ? undefined
    : { queueDelayMs, firstTokenMs, waitingPerReplica, backend };
}
