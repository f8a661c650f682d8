import type { JobStore } from './core/job-store.ts';
import type { JobGauges } from './meter/job-gauges.ts';

/** What a scrape reads of the jobs of these models. Rejects with store_unavailable. */
export function jobGauges(store: JobStore, models: Iterable<string>): Promise<readonly JobGauges[]> {
  return Promise.all([...models].map((model) => gaugesOf(store, model)));
}

async function gaugesOf(store: JobStore, model: string): Promise<JobGauges> {
  const [countByState, [id]] = await Promise.all([store.counts({ model }), store.head(model, 2, 1)]);
  const job = id === undefined ? null : await store.get(id);
  return {
    model,
    countByState,
    nextAgeMs: job === null ? null : Math.max(0, store.nowMs() - job.queuedAtMs),
  };
}
