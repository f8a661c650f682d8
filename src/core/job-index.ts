import type { Job, JobPriority } from './job.ts';
import { isEnded } from './job.ts';

/** Where a store lists a job besides under its id. */
export interface JobIndex {
  /** The queue it can be claimed from; null: it cannot be claimed now. Within a rank by `queuedAtMs`, then by id. */
  readonly queue: { readonly model: string; readonly rank: JobRank } | null;
  /** The next instant at which the rules have to look at it, by the store's clock; null: never. */
  readonly dueAtMs: number | null;
}

/** The order among the jobs of a model: 0 high, 1 normal, 2 low. */
export type JobRank = 0 | 1 | 2;

/** The rank of each priority. */
export const rankOf = { high: 0, normal: 1, low: 2 } as const satisfies Record<JobPriority, JobRank>;

/** The lists a job stands in. Pure; every store obeys it. */
export function indexOf(job: Job): JobIndex {
  const { state, limits, lease } = job;
  if (isEnded(state)) return { queue: null, dueAtMs: (job.endedAtMs ?? job.createdAtMs) + limits.keepMs };
  if (state !== 'queued') return { queue: null, dueAtMs: earliest(lease?.untilMs ?? 0, limits.endByMs) };
  const forceAtMs = job.priority === 'low' ? limits.forceAtMs : null;
  return {
    queue: job.notBeforeMs === null ? { model: job.model, rank: rankOf[job.priority] } : null,
    dueAtMs: earliest(job.notBeforeMs, job.attempts > 0 ? null : limits.beginByMs, limits.endByMs, forceAtMs),
  };
}

function earliest(...instants: readonly (number | null)[]): number | null {
  const known = instants.filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.min(...known);
}
