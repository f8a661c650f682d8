import type { ModelSettings, Settings } from './settings.ts';
import { workloadKey } from './workload.ts';

/** What of a model's settings its gate obeys. */
export function gatePart({ name, revision: { queue, balance } }: ModelSettings) {
  return { model: name, max: queue.max, maxBytes: queue.maxBytes, balance };
}

/** What of a model's settings its activation obeys. */
export function activationPart({ revision, cold, deadlineAware }: ModelSettings) {
  const { ready, concurrency, scale, ladder, asksGauge } = revision;
  return { ready, concurrency, scale, ladder, asksGauge, cold, deadlineAware };
}

/** Whether a change can only be met by other replicas: all but the backend is taken in place. */
export function needsNewReplicas(before: ModelSettings, after: ModelSettings): boolean {
  return runs(before) !== runs(after);
}

/** What a replica runs; of a workload only which one it is: how it is reached and probed is taken in place. How long it may take to end is not part of it, nor is the order of its environment. */
function runs({ revision: { backend, needs } }: ModelSettings): string {
  if (backend.driver === 'kubernetes') return `kubernetes ${workloadKey(backend)}`;
  if (backend.driver !== 'process') return JSON.stringify(backend);
  const env = Object.entries(backend.env).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const gpus = { count: needs?.gpus ?? null, pool: needs?.pool ?? null };
  return JSON.stringify({ ...backend, env, gpus, stopGraceMs: 0 });
}

/** What a running gateway keeps as it was at its start. */
export function fixedPart({ server, store, stateDir, surfaces, jobs, kubernetes, log }: Settings): string {
  return JSON.stringify([server, store, stateDir, surfaces, jobs, kubernetes, log]);
}
