import type { Job } from '../core/job.ts';
import type { StoredDocument } from '../core/job-store.ts';
import type { BatchUsage, RowCounts } from '../protocols/batch/batch-data.ts';
import { type FileData, fileDataOf, fileKind } from '../protocols/batch/file-data.ts';
import { keepFile } from '../protocols/batch/file-keeping.ts';
import {
  addUsage,
  bodyOf,
  fileOf,
  isRowExpired,
  maxRowBytes,
  outputLine,
  usageOf,
} from '../protocols/batch/output-line.ts';
import { readWhole } from '../protocols/read-whole.ts';
import type { BatchWork } from './batch-input.ts';

/** Rows that are read at once. */
const pageRows = 100;

/** Answers that are held at once, in bytes, so that rows with images are read one after the other. */
const pageBytes = 8 * 2 ** 20;

/** No bound of its own: what the rows answered is bounded by their number and by jobs.maxOutput each. */
const maxOutputBytes = Number.MAX_SAFE_INTEGER;

/** What a batch leaves. */
export interface BatchOutcome {
  readonly counts: RowCounts;
  readonly usage: BatchUsage | null;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  /** Whether rows were not done when the window closed. */
  readonly isExpired: boolean;
}

/** What was found while rows were read. */
interface Tally {
  readonly rows: { output: number; error: number };
  expired: number;
  usage: BatchUsage | null;
}

/**
 * Writes the files of a batch whose rows have all ended: one for what succeeded, one for the rest, rows in the order of the
 * input; a file without rows is not made. Done again it finds what is written and writes what is missing. Rejects with
 * BatchChanged, store_full, store_unavailable.
 */
export async function writeOutput(work: BatchWork): Promise<BatchOutcome> {
  const tally = await tallyRows(work);
  const outputFileId = tally.rows.output === 0 ? null : await writeFile(work, 'output', tally);
  const errorFileId = tally.rows.error === 0 ? null : await writeFile(work, 'error', tally);
  const { output: completed, error: failed } = tally.rows;
  const total = Math.max(work.record.data.counts.total, completed + failed);
  const usage = tally.usage;
  return {
    counts: { total, completed, failed },
    usage,
    outputFileId,
    errorFileId,
    isExpired: tally.expired > 0,
  };
}

async function tallyRows(work: BatchWork): Promise<Tally> {
  const tally: Tally = { rows: { output: 0, error: 0 }, expired: 0, usage: null };
  for await (const job of rowsOf(work)) {
    tally.rows[fileOf(job)] += 1;
    if (isRowExpired(job)) tally.expired += 1;
  }
  return tally;
}

/** The id of one of a batch's files: the same however often it is written. */
function fileIdOf(batchId: string, file: 'output' | 'error'): string {
  return `file-${batchId.replace(/^batch_/, '')}-${file}`;
}

async function writeFile(work: BatchWork, file: 'output' | 'error', tally: Tally): Promise<string> {
  const { record, desk, caller } = work;
  const { documents, blobs } = desk.jobs;
  const id = fileIdOf(record.id, file);
  const there = await documents.get(fileKind, id);
  if (there !== null) {
    if (file === 'output') tally.usage = writtenUsage(there);
    return id;
  }
  const blob = await blobs.write(linesOf(work, file, tally), maxOutputBytes, caller.signal);
  const { keepFilesMs } = record.data;
  const createdAtMs = work.nowMs();
  const filename = `${record.id}_${file}.jsonl`;
  const data: FileData & { readonly usage: BatchUsage | null } = {
    filename,
    purpose: 'batch_output',
    bytes: blob.bytes,
    blob: blob.id,
    usage: tally.usage,
  };
  const expiresAtMs = keepFilesMs === null ? null : createdAtMs + keepFilesMs;
  const document = { kind: fileKind, id, tenant: record.tenant, createdAtMs, expiresAtMs, data: { ...data } };
  // Somebody else who wrote it wrote the same: rows that have ended do not change.
  await keepFile(desk.jobs, document);
  return id;
}

function writtenUsage(document: StoredDocument): BatchUsage | null {
  return (fileDataOf(document) as FileData & { readonly usage?: BatchUsage | null }).usage ?? null;
}

async function* linesOf(
  work: BatchWork,
  file: 'output' | 'error',
  tally: Tally,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const { job, output } of answersOf(work, file)) {
    if (file === 'output' && output !== null) tally.usage = addUsage(tally.usage, usageOf(bodyOf(output)));
    yield Buffer.from(outputLine(job, output));
  }
}

/** Rows of one file with their answers, in order; as many are read at once as are small together. */
async function* answersOf(
  work: BatchWork,
  file: 'output' | 'error',
): AsyncGenerator<{ readonly job: Job; readonly output: Buffer | null }, void, undefined> {
  let jobs: Job[] = [];
  let bytes = 0;
  for await (const job of rowsOf(work)) {
    if (fileOf(job) !== file) continue;
    const jobBytes = job.result?.body.bytes ?? 0;
    if (jobs.length >= pageRows || bytes + jobBytes > pageBytes) {
      yield* await readAll(work, jobs);
      jobs = [];
      bytes = 0;
    }
    jobs.push(job);
    bytes += jobBytes;
  }
  yield* await readAll(work, jobs);
}

function readAll(
  work: BatchWork,
  jobs: readonly Job[],
): Promise<{ readonly job: Job; readonly output: Buffer | null }[]> {
  return Promise.all(jobs.map(async (job) => ({ job, output: await readOutput(work, job) })));
}

async function readOutput({ desk }: BatchWork, job: Job): Promise<Buffer | null> {
  if (job.result === null || job.result.body.bytes > maxRowBytes) return null;
  return readWhole(desk.jobs.read(job, 'output'));
}

/** The jobs of a batch's rows, in order. */
export async function* rowsOf({ record, desk }: BatchWork): AsyncGenerator<Job, void, undefined> {
  let from = 0;
  for (;;) {
    await record.keep();
    const page = await desk.jobs.groupMembers(record.id, from, pageRows);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    from = (last.group?.index ?? from) + 1;
  }
}
