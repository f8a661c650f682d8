import { z } from 'zod';
import type { SignalSettings } from '../core/signals.ts';
import { duration } from './units.ts';

const unseen = '0 = not looked at.';

const amount = (description: string) => z.number().min(0).prefault(0).describe(`${description} ${unseen}`);

/** `models.X.scale.signals`. */
export const signalsSchema = z
  .strictObject({
    queueDelay: duration(
      `How long the oldest waiting request may have waited for the replicas that are ready. ${unseen}`,
    ).prefault(0),
    waitingPerReplica: amount('Requests that may wait, for each replica, on average over 15 to 20 s.'),
    firstToken: duration(
      `The mean time to the first part of streamed answers, without waits for a start. ${unseen}`,
    ).prefault(0),
    backend: z
      .strictObject({
        waiting: amount('Requests that may wait in a replica, by its own gauges.'),
        running: amount('Requests that a replica may work on, by its own gauges.'),
        kvCache: z
          .number()
          .min(0)
          .max(1)
          .prefault(0)
          .describe(`How full the KV cache of a replica may be, up to 1, by its own gauge. ${unseen}`),
      })
      .prefault({})
      .describe('What replicas tell at /metrics (vLLM, SGLang, TGI, llama-server), whoever uses them.'),
  })
  .prefault({})
  .describe(
    'Values that are not to be exceeded: each asks for replicas as a metric of an HPA does, and the most of them count ' +
      'where the policy wants fewer.',
  );

/** As the code takes it; undefined: none is looked at. */
export function signalsOf(raw: z.output<typeof signalsSchema>): SignalSettings | undefined {
  const { queueDelay, waitingPerReplica, firstToken, backend } = raw;
  const all = [queueDelay, waitingPerReplica, firstToken, ...Object.values(backend)];
  if (all.every((target) => target === 0)) return undefined;
  return {
    queueDelayMs: orNull(queueDelay),
    waitingPerReplica: orNull(waitingPerReplica),
    firstTokenMs: orNull(firstToken),
    backend: {
      waiting: orNull(backend.waiting),
      running: orNull(backend.running),
      kvCache: orNull(backend.kvCache),
    },
  };
}

function orNull(target: number): number | null {
  return target === 0 ? null : target;
}
