import type { BlobStore } from '../core/blobs.ts';
import type { Contract } from '../core/contract.ts';
import { toPilotlightError } from '../core/errors.ts';
import { type Job, keptEvents, type StoredBody } from '../core/job.ts';
import type { Delivery, JobStore } from '../core/job-store.ts';
import type { DeliveredJob } from '../core/surface.ts';
import type { WebhookOutcome } from '../core/webhook.ts';
import { readWhole } from '../protocols/read-whole.ts';

/** A larger input or answer is left out of a webhook: its receiver fetches it. */
const maxDeliveredBytes = 1_048_576;

/** Where what a webhook tells of is read from. */
export interface DeliverySources {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  /** How backends of a model answer; also of one that is gone from the configuration. */
  readonly contractOf: (model: string) => Contract;
}

/** What a webhook is made from, as its job stands now. Rejects with store_unavailable, file_not_found. */
export async function deliveredJob(
  job: Job,
  { event }: Delivery,
  sources: DeliverySources,
): Promise<DeliveredJob> {
  const { store, contractOf } = sources;
  const events = event === 'start' ? [] : await store.events(job.id, 0, keptEvents);
  const input = await bytesOf(job.id, 'input', job.input.body, sources);
  const output = job.result === null ? null : await bytesOf(job.id, 'output', job.result.body, sources);
  return { job, event, contract: contractOf(job.model), input, output, events };
}

async function bytesOf(
  id: string,
  part: 'input' | 'output',
  body: StoredBody,
  { store, blobs }: DeliverySources,
): Promise<Buffer | null> {
  if (body.bytes > maxDeliveredBytes) return null;
  if (body.at === 'store') return await store.body(id, part);
  return await readWhole(blobs.read(body.blob));
}

/** The outcome of a try for which nothing could be written, which may be otherwise later. Throws store_unavailable: nothing is known then. */
export function unwritten(thrown: unknown): WebhookOutcome {
  const { code, message } = toPilotlightError(thrown);
  if (code === 'store_unavailable') throw thrown;
  const reason = `the webhook cannot be written: ${message}`;
  return { kind: 'failed', status: null, reason, retryAfterMs: null, isFinal: false };
}
