import type { Job } from '../core/job.ts';
import { isEnded } from '../core/job.ts';
import { isBatchEnded } from '../protocols/batch/batch-data.ts';
import { type BatchWork, checkInput, fillRows, isGone } from './batch-input.ts';
import { rowsOf, writeOutput } from './batch-output.ts';

/** Jobs that are removed at once. */
const removalWidth = 32;

/** What a stage came to: the next can be looked at; rows are waited for (how many have not ended); nothing is left to do. */
export type StageEnd =
  | { readonly kind: 'on' }
  | { readonly kind: 'rows'; readonly left: number }
  | { readonly kind: 'done' };

const on: StageEnd = { kind: 'on' };

/**
 * Moves a batch on by one stage. Each can be broken off at any point and done again: rows have ids of their own and are made
 * once, files are written once, and a status is written when all that it says is there. Rejects with BatchChanged,
 * store_unavailable, store_full, queue_full.
 */
export async function moveOn(work: BatchWork): Promise<StageEnd> {
  const { status, isFilled } = work.record.data;
  if (isBatchEnded(status)) return clear(work);
  switch (status) {
    case 'validating':
      return validate(work);
    case 'in_progress':
      return isFilled ? watchRows(work) : fill(work);
    case 'cancelling':
      return cancelRows(work);
    default:
      return finish(work);
  }
}

async function validate(work: BatchWork): Promise<StageEnd> {
  const { rows, model, faults } = await checkInput(work);
  const counts = { total: faults.length === 0 ? rows : 0, completed: 0, failed: 0 };
  await work.record.update({ status: faults.length === 0 ? 'in_progress' : 'failed', model, faults, counts });
  return on;
}

async function fill(work: BatchWork): Promise<StageEnd> {
  const { record, desk } = work;
  try {
    await fillRows(work);
  } catch (error) {
    if (!isGone(error)) throw error;
    const message = `The input file ${record.data.inputFileId} was deleted before all rows were read.`;
    const faults = [{ code: 'invalid_file', message, param: null, line: null }];
    await record.update({ status: 'failed', faults });
    await desk.jobs.cancelGroup(record.id);
    return on;
  }
  await record.update({ isFilled: true });
  return on;
}

async function watchRows(work: BatchWork): Promise<StageEnd> {
  const left = await rowsLeft(work);
  if (left > 0) return { kind: 'rows', left };
  await work.record.update({ status: 'finalizing' });
  return on;
}

async function cancelRows(work: BatchWork): Promise<StageEnd> {
  await work.desk.jobs.cancelGroup(work.record.id);
  const left = await rowsLeft(work);
  if (left > 0) return { kind: 'rows', left };
  const { isExpired: _, ...outcome } = await writeOutput(work);
  await work.record.update({ ...outcome, status: 'cancelled' });
  return on;
}

async function finish(work: BatchWork): Promise<StageEnd> {
  const { isExpired, ...outcome } = await writeOutput(work);
  await work.record.update({ ...outcome, status: isExpired ? 'expired' : 'completed' });
  return on;
}

async function rowsLeft({ record, desk }: BatchWork): Promise<number> {
  const { queued = 0, running = 0, streaming = 0 } = await desk.jobs.counts({ group: record.id });
  return queued + running + streaming;
}

/** Removes the rows of a batch that has ended: what they answered is in its files. */
async function clear(work: BatchWork): Promise<StageEnd> {
  const { record, desk, caller } = work;
  let running = 0;
  let removals: Job[] = [];
  const flush = async () => {
    await Promise.all(removals.map(({ id }) => desk.jobs.remove(id, caller)));
    removals = [];
  };
  for await (const job of rowsOf(work)) {
    if (isEnded(job.state)) removals.push(job);
    else running += 1;
    if (removals.length >= removalWidth) await flush();
  }
  await flush();
  if (running === 0) return { kind: 'done' };
  await desk.jobs.cancelGroup(record.id);
  return { kind: 'rows', left: running };
}
