import type { JobCounts, StoredDocument } from '../../core/job-store.ts';
import type { BatchFault } from './batch-row.ts';

/** Kind of the documents that batches are. */
export const batchKind = 'batch';

/** Kind of the documents that name the batches for which something is left to do. Their id is the batch's. */
export const openBatchKind = 'batch-open';

/**
 * Where a batch stands, as OpenAI tells it.
 *
 * | from        | to          | when                                                                    |
 * |-------------|-------------|-------------------------------------------------------------------------|
 * | -           | validating  | it is created                                                           |
 * | validating  | failed      | the file has faults, or is gone                                         |
 * | validating  | in_progress | the file is good: its rows are made into jobs                           |
 * | in_progress | finalizing  | all rows are jobs, and all of them have ended                           |
 * | validating, in_progress | cancelling | its client cancels it                                       |
 * | finalizing  | completed, expired | the files are written; expired: rows were not done within the window |
 * | cancelling  | cancelled   | no row runs any more, and the files are written                         |
 */
export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled';

/** Rows by what became of them. */
export interface RowCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

/** Tokens of all rows that succeeded, in OpenAI's fields. */
export interface BatchUsage {
  readonly input_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

/** What is kept of a batch. Instants in ms since the epoch; null: not yet, or never. */
export interface BatchData {
  readonly status: BatchStatus;
  readonly endpoint: string;
  readonly inputFileId: string;
  /** As the client wrote it, and what it means. */
  readonly window: string;
  readonly windowMs: number;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** How long output files are kept, in ms; null: until they are deleted. */
  readonly keepFilesMs: number | null;
  readonly isOneModel: boolean;
  /** Of the request that made it: the same idempotency key with another one is a conflict. */
  readonly fingerprint: string;
  readonly model: string | null;
  readonly faults: readonly BatchFault[];
  readonly counts: RowCounts;
  /** Whether all rows are jobs. */
  readonly isFilled: boolean;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  readonly usage: BatchUsage | null;
  /** When it came to a status. */
  readonly atMs: Readonly<Partial<Record<BatchStatus, number>>>;
  /** Which gateway moves it on, and until when nobody else does. */
  readonly runner: { readonly owner: string; readonly untilMs: number } | null;
}

/** Statuses that a batch does not leave. */
export function isBatchEnded(status: BatchStatus): boolean {
  return status === 'failed' || status === 'completed' || status === 'expired' || status === 'cancelled';
}

/** A document's data as a batch's. */
export function batchDataOf(document: StoredDocument): BatchData {
  return document.data as unknown as BatchData;
}

/** The id of a row's job: the same whoever makes it and however often. */
export function rowIdOf(batchId: string, index: number): string {
  return `batch_req_${batchId.replace(/^batch_/, '')}_${index}`;
}

/** Rows by what became of their jobs so far. */
export function rowCountsOf(total: number, counts: JobCounts): RowCounts {
  const { failed = 0, canceled = 0, expired = 0, timed_out = 0, succeeded = 0 } = counts;
  return { total, completed: succeeded, failed: failed + canceled + expired + timed_out };
}

/** OpenAI's batch object; `live`: the counts of the moment, where they are not settled yet. */
export function renderBatch(document: StoredDocument, live: RowCounts | null): object {
  const data = batchDataOf(document);
  const second = (ms: number | undefined) => (ms === undefined ? null : Math.floor(ms / 1_000));
  const { atMs } = data;
  return {
    id: document.id,
    object: 'batch',
    endpoint: data.endpoint,
    model: data.model,
    errors: data.faults.length === 0 ? null : { object: 'list', data: data.faults },
    input_file_id: data.inputFileId,
    completion_window: data.window,
    status: data.status,
    output_file_id: data.outputFileId,
    error_file_id: data.errorFileId,
    created_at: second(document.createdAtMs),
    in_progress_at: second(atMs.in_progress),
    expires_at: second(document.createdAtMs + data.windowMs),
    finalizing_at: second(atMs.finalizing),
    completed_at: second(atMs.completed),
    failed_at: second(atMs.failed),
    expired_at: second(atMs.expired),
    cancelling_at: second(atMs.cancelling),
    cancelled_at: second(atMs.cancelled),
    request_counts: live ?? data.counts,
    ...(data.usage === null ? {} : { usage: data.usage }),
    metadata: data.metadata,
  };
}
