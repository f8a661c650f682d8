import type { Registry } from 'prom-client';
import { Gauge } from './prom-core.ts';

/** What is told of the jobs of a model. */
export interface JobGauges {
  readonly model: string;
  /** Jobs by state; those with none may be left out. */
  readonly countByState: Readonly<Record<string, number>>;
  /** How long the job has been queued that is next; null: none is. */
  readonly nextAgeMs: number | null;
}

/** Reads them from the store; null: there are no jobs here. Must not reject. */
export type ReadJobs = () => Promise<readonly JobGauges[]> | null;

/** As in core/job.ts. */
const jobStates = [
  'queued',
  'running',
  'streaming',
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'timed_out',
] as const;

/** Registers what is read of jobs at each scrape. */
export function registerJobGauges(registry: Registry, read: ReadJobs): void {
  const jobs = readOnce(read);
  new Gauge({
    name: 'pilotlight_jobs',
    help: `Jobs that are kept, by state: ${jobStates.join(', ')}.`,
    labelNames: ['model', 'state'],
    registers: [registry],
    async collect() {
      const found = await jobs();
      this.reset();
      for (const { model, countByState } of found)
        for (const state of jobStates) this.set({ model, state }, countByState[state] ?? 0);
    },
  });
  new Gauge({
    name: 'pilotlight_job_queue_age_seconds',
    help: 'How long the job has been queued that is next for its model; 0 when none is.',
    labelNames: ['model'],
    registers: [registry],
    async collect() {
      const found = await jobs();
      this.reset();
      for (const { model, nextAgeMs } of found) this.set({ model }, (nextAgeMs ?? 0) / 1000);
    },
  });
}

/** A registry collects all of its metrics in one go: what they share is read once for it. */
function readOnce(read: ReadJobs): () => Promise<readonly JobGauges[]> {
  let known: Promise<readonly JobGauges[]> | null = null;
  return () => {
    if (known !== null) return known;
    known = (read() ?? Promise.resolve([])).finally(() => {
      known = null;
    });
    return known;
  };
}
