import type { Job } from '../core/job.ts';
import type { JobChange, JobStore } from '../core/job-store.ts';
import type { Step } from './step.ts';

/** What is to become of a job as it stands; null: nothing. Pure. */
export type Decide = (job: Job, nowMs: number) => Step | 'remove' | null;

/** A change that was committed. `job` null: it was removed. */
export interface Written {
  readonly before: Job;
  readonly job: Job | null;
}

/** What is decided, and the bytes of the result where it has one that lies in the store. */
export interface Changing {
  readonly decide: Decide;
  readonly output: Buffer | null;
}

/**
 * Changes jobs, each by itself, all in one commit; where somebody else was faster it is decided again from what they wrote. Each
 * of its rounds means that somebody got on. In the order given; null: nothing was to be done, or the job is gone.
 */
export async function changeAll(
  store: JobStore,
  jobs: readonly Job[],
  changing: Changing,
): Promise<readonly (Written | null)[]> {
  const written: (Written | null)[] = jobs.map(() => null);
  let open = jobs.map((job, at) => ({ job, at }));
  while (open.length > 0) {
    const nowMs = store.nowMs();
    const tries = open
      .map(({ job, at }) => ({ job, at, made: changing.decide(job, nowMs) }))
      .filter(({ made }) => made !== null);
    if (tries.length === 0) break;
    const outcomes = await store.commit(tries.map(({ job, made }) => changeOf(job, made!, changing.output)));
    open = [];
    for (const [n, { job, at, made }] of tries.entries()) {
      const outcome = outcomes[n]!;
      if (outcome.kind === 'done') written[at] = { before: job, job: made === 'remove' ? null : made!.job };
      else if (outcome.job !== null) open.push({ job: outcome.job, at });
    }
  }
  return written;
}

function changeOf(job: Job, made: Step | 'remove', output: Buffer | null): JobChange {
  const { id, version } = job;
  if (made === 'remove') return { id, expected: version, next: null };
  const { events, deliveries } = made;
  const change = { id, expected: version, next: made.job, events, deliveries };
  const isRecorded = output !== null && made.job.result !== null;
  return isRecorded ? { ...change, output } : change;
}
