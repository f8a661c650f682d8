import type { ModelSettings } from './settings.ts';

/** What of a model's settings its gate obeys. */
export function gatePart({ name, revision: { queue, balance } }: ModelSettings) {
  return { model: name, max: queue.max, maxBytes: queue.maxBytes, balance };
}

/** What of a model's settings its activation obeys. */
export function activationPart({ revision, cold, deadlineAware }: ModelSettings) {
  const { ready, concurrency, scale } = revision;
  return { ready, concurrency, scale, cold, deadlineAware };
}

/** Whether a change can only be met by other replicas: all but the backend is taken in place. */
export function needsNewReplicas(before: ModelSettings, after: ModelSettings): boolean {
  return runs(before) !== runs(after);
}

/** What a replica runs; how long it may take to end is not part of it. */
function runs({ revision: { backend } }: ModelSettings): string {
  return JSON.stringify(backend.driver === 'process' ? { ...backend, stopGraceMs: 0 } : backend);
}
