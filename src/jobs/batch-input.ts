import type { Desk, JobOrder } from '../core/desk.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Caller } from '../core/surface.ts';
import { BatchCheck, type BatchVerdict } from '../protocols/batch/batch-check.ts';
import { rowIdOf } from '../protocols/batch/batch-data.ts';
import { type BatchRow, isFault, maxLineBytes, readRow } from '../protocols/batch/batch-row.ts';
import { fileDataOf, fileKind } from '../protocols/batch/file-data.ts';
import { type TextLine, textLines } from '../protocols/text-lines.ts';
import type { BatchRecord } from './batch-record.ts';

/** Rows that are made at once, and their bytes. */
const chunkRows = 250;
const chunkBytes = 4 * 2 ** 20;

/** Lines between two looks at whether the batch is still wanted. */
const linesPerLook = 2_000;

/** Rows stay until the batch has ended and removes them itself: without them its files could not be written again. */
const keepRowsMs = 3_650 * 86_400_000;

/** What the stages of a batch work with. */
export interface BatchWork {
  readonly record: BatchRecord;
  readonly desk: Desk;
  readonly caller: Caller;
  nowMs(): number;
}

/** Reads the input file once and says what it is. Rejects with BatchChanged, store_unavailable. */
export async function checkInput(work: BatchWork): Promise<BatchVerdict> {
  const { record, desk } = work;
  const { endpoint, isOneModel } = record.data;
  const check = new BatchCheck({
    endpoint,
    isOneModel,
    modelFault: (model) => modelFault(desk, model),
  });
  try {
    for await (const line of inputLines(work)) {
      if (!check.take(line)) break;
      if (line.number % linesPerLook === 0) await record.keep();
    }
  } catch (error) {
    if (!isGone(error)) throw error;
    const message = `The input file ${record.data.inputFileId} is not there any more.`;
    return { rows: 0, model: null, faults: [{ code: 'invalid_file', message, param: null, line: null }] };
  }
  return check.verdict();
}

/**
 * Makes jobs of the rows that are not jobs yet, in order; done again it makes what is missing. Rejects with BatchChanged,
 * queue_full, store_full, store_unavailable.
 */
export async function fillRows(work: BatchWork): Promise<void> {
  let chunk: { readonly row: BatchRow; readonly index: number }[] = [];
  let bytes = 0;
  let index = 0;
  const flush = async () => {
    if (chunk.length > 0) await makeRows(work, chunk);
    chunk = [];
    bytes = 0;
  };
  for await (const line of inputLines(work)) {
    if (line.bytes?.length === 0) continue;
    const row = readRow(line, work.record.data.endpoint);
    // A blob never changes, and the file was checked as a whole.
    if (isFault(row))
      throw new PilotlightError('internal', `line ${line.number} was good and is not any more`);
    chunk.push({ row, index });
    index += 1;
    bytes += row.body.length;
    if (chunk.length >= chunkRows || bytes >= chunkBytes) await flush();
  }
  await flush();
}

async function makeRows(
  work: BatchWork,
  chunk: readonly { readonly row: BatchRow; readonly index: number }[],
): Promise<void> {
  const { record, desk, caller } = work;
  await record.keep();
  const there = await desk.jobs.groupMembers(record.id, chunk[0]!.index, chunk.length);
  const made = new Set(there.map(({ id }) => id));
  const missing = chunk.filter(({ index }) => !made.has(rowIdOf(record.id, index)));
  const orders = missing.map(({ row, index }) => orderOf(work, row, index));
  if (orders.length > 0) await desk.jobs.createMany(orders, caller);
}

function orderOf({ record, desk, nowMs }: BatchWork, row: BatchRow, index: number): JobOrder {
  const id = rowIdOf(record.id, index);
  const { endpoint, windowMs } = record.data;
  return {
    id,
    surface: 'batch',
    model: nameOf(desk, row.model),
    invocation: {
      path: endpoint,
      method: 'POST',
      contentType: 'application/json',
      headers: {},
      content: { body: row.body },
      isStream: false,
      id,
    },
    priority: 'normal',
    limits: {
      beginInMs: null,
      endInMs: Math.max(1, record.createdAtMs + windowMs - nowMs()),
      keepMs: keepRowsMs,
    },
    webhook: null,
    group: { id: record.id, index },
    idempotencyKey: null,
    meta: { customId: row.customId },
  };
}

async function* inputLines({ record, desk }: BatchWork): AsyncGenerator<TextLine, void, undefined> {
  const { inputFileId } = record.data;
  const file = await desk.jobs.documents.get(fileKind, inputFileId);
  if (file === null || file.tenant !== record.tenant) {
    throw new PilotlightError('file_not_found', `No such File object: ${inputFileId}`);
  }
  yield* textLines(desk.jobs.blobs.read(fileDataOf(file).blob), maxLineBytes);
}

/** Whether the input file was deleted while it was read. */
export function isGone(error: unknown): boolean {
  return error instanceof PilotlightError && error.code === 'file_not_found';
}

/** A model that was taken out of the configuration since the file was checked: its row fails as its other jobs do. */
function nameOf(desk: Desk, model: string): string {
  return modelFault(desk, model) === null ? desk.model(model).name : model;
}

function modelFault(desk: Desk, model: string): string | null {
  try {
    desk.model(model);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
