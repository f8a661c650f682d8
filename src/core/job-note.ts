import type { Job } from './job.ts';
import type { JobNote } from './job-store.ts';

/** What is told of a job that was committed. Pure; every store tells the same. */
export function noteOf(job: Job): JobNote {
  const { id, model, version, state, isCancelRequested, lastSeq } = job;
  return { id, model, group: job.group?.id ?? null, version, state, isCancelRequested, lastSeq };
}

/** What is told when it was removed; `last`: as it stood before. */
export function noteOfRemoved(last: Job): JobNote {
  return { ...noteOf(last), version: last.version + 1, state: null };
}

/** Whether a job has bytes in the store. What a version does not name there any more goes with the commit of that version. */
export function hasBytes(job: Job, part: 'input' | 'output'): boolean {
  const body = part === 'input' ? job.input.body : job.result?.body;
  return body?.at === 'store';
}
