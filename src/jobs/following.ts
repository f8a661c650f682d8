import type { Clock } from '../core/clock.ts';
import { PilotlightError } from '../core/errors.ts';
import { isEnded, type Job, type JobEvent, type JobState } from '../core/job.ts';
import type { JobStore } from '../core/job-store.ts';
import type { JobNews, JobWatch } from './watch.ts';

/** What waiting is done with. */
export interface FollowingOptions {
  readonly store: JobStore;
  readonly watch: JobWatch;
  readonly clock: Clock;
}

/** Events that are read at once. */
const pageLength = 256;

/** The job once it has ended, or as it stands after `forMs`, or when the signal is aborted; null: it is not there. */
export async function waitForEnd(
  id: string,
  forMs: number,
  by: FollowingOptions & { readonly signal: AbortSignal },
): Promise<Job | null> {
  const { store, watch, clock, signal } = by;
  const news = watch.open(id);
  const timeUp = new AbortController();
  const cancelTimer = clock.setTimer(clock.nowMs() + forMs, () => timeUp.abort());
  const over = AbortSignal.any([signal, timeUp.signal]);
  try {
    const job = await store.get(id);
    if (job === null || isEnded(job.state)) return job;
    while (!over.aborted && !hasGone(news)) await news.next(over);
    return await store.get(id);
  } finally {
    cancelTimer();
    news.close();
  }
}

function hasGone({ latest }: JobNews): boolean {
  return latest !== null && (latest.state === null || isEnded(latest.state));
}

/** Events of a job after `afterSeq` as they come, to its end, or until the signal is aborted. Throws events_gone where some are not kept. */
export async function* eventsOf(
  job: Job,
  afterSeq: number,
  by: FollowingOptions & { readonly signal: AbortSignal },
): AsyncIterable<JobEvent> {
  const { store, watch, signal } = by;
  const news = watch.open(job.id);
  try {
    let state: JobState | null = (await store.get(job.id))?.state ?? null;
    for (let seq = afterSeq; !signal.aborted; ) {
      if (news.latest !== null) state = news.latest.state;
      const events = await store.events(job.id, seq, pageLength);
      if (events.length > 0 && events[0]!.seq > seq + 1) throw gone(job, seq);
      yield* events;
      seq = events.at(-1)?.seq ?? seq;
      if (events.length === pageLength) continue;
      if (state === null || isEnded(state)) return;
      await news.next(signal);
    }
  } finally {
    news.close();
  }
}

function gone({ id }: Job, seq: number): PilotlightError {
  return new PilotlightError('events_gone', `the events after ${seq} of job "${id}" are not kept any more`);
}
