import { createHash, randomBytes } from 'node:crypto';
import type { Desk } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { StoredDocument } from '../../core/job-store.ts';
import type {
  Caller,
  SurfaceOptions,
  SurfaceReply,
  SurfaceRequest,
  SurfaceRoute,
} from '../../core/surface.ts';
import { jsonReply, readJsonObject } from '../surface-json.ts';
import {
  type BatchData,
  batchDataOf,
  batchKind,
  isBatchEnded,
  openBatchKind,
  renderBatch,
  rowCountsOf,
} from './batch-data.ts';
import { type BatchOrder, readBatchOrder } from './batch-order.ts';
import { listDocuments, readListQuery, renderList } from './documents.ts';
import { fileDataOf } from './file-data.ts';
import { fileOfCaller } from './files.ts';

/** How long a batch is known after it was made. */
const keepBatchMs = 60 * 86_400_000;

/** A change of a document that others change too is tried so often. */
const tries = 20;

/** /v1/batches: create, list, look, cancel. What becomes of a batch is the work of src/jobs/batch-runner.ts. */
export function batchRoutes({ limits }: SurfaceOptions): readonly SurfaceRoute[] {
  const isStrict = limits === 'original';
  const whole = { maxBodyBytes: null };
  return [
    {
      ...whole,
      methods: ['POST'],
      path: '/v1/batches',
      handle: (request, desk) => create(request, desk, isStrict),
    },
    { ...whole, methods: ['GET'], path: '/v1/batches', handle: list },
    { ...whole, methods: ['GET'], path: '/v1/batches/:id', handle: retrieve },
    { ...whole, methods: ['POST'], path: '/v1/batches/:id/cancel', handle: cancel },
  ];
}

async function create(request: SurfaceRequest, desk: Desk, isStrict: boolean): Promise<SurfaceReply> {
  const { caller } = request;
  const order = readBatchOrder(readJsonObject(request.body), isStrict);
  const file = await fileOfCaller(order.inputFileId, desk, caller);
  if (fileDataOf(file).purpose !== 'batch') {
    const message = `the file ${file.id} is not one that was uploaded with purpose "batch"`;
    throw new PilotlightError('bad_request', message, { param: 'input_file_id' });
  }
  const { documents } = desk.jobs;
  const document = documentOf(order, { request, nowMs: desk.wallMs(), isOneModel: isStrict });
  const { id, tenant, createdAtMs } = document;
  // What is left to do is written down first: a batch of which nobody knows would stand still for ever.
  const open = { kind: openBatchKind, id, tenant, createdAtMs, expiresAtMs: null, data: {} };
  await documents.put(open, 0);
  if (!(await documents.put(document, 0))) return sameAgain(document, desk, caller);
  // Again, since it is taken for an orphan where the batch was slow to come.
  await documents.put(open, 0);
  return jsonReply(200, renderBatch({ ...document, version: 1 }, null));
}

/** A second try of a request with an idempotency key: the batch of the first. */
async function sameAgain(
  asked: Omit<StoredDocument, 'version'>,
  desk: Desk,
  caller: Caller,
): Promise<SurfaceReply> {
  const document = await batchOfCaller(asked.id, desk, caller);
  if (batchDataOf(document).fingerprint !== asked.data.fingerprint) {
    const message = `the idempotency key was used for the batch ${asked.id}, which was asked for with another body`;
    throw new PilotlightError('idempotency_conflict', message);
  }
  return look(document, desk);
}

function documentOf(
  order: BatchOrder,
  given: { readonly request: SurfaceRequest; readonly nowMs: number; readonly isOneModel: boolean },
): Omit<StoredDocument, 'version'> {
  const { request, nowMs, isOneModel } = given;
  const { tenant } = request.caller;
  const key = request.headers['idempotency-key'];
  const name =
    key === undefined ? randomBytes(16).toString('hex') : sha256(JSON.stringify([tenant, key])).slice(0, 32);
  const data: BatchData = {
    ...order,
    status: 'validating',
    isOneModel,
    fingerprint: sha256(JSON.stringify(order)),
    model: null,
    faults: [],
    counts: { total: 0, completed: 0, failed: 0 },
    isFilled: false,
    outputFileId: null,
    errorFileId: null,
    usage: null,
    atMs: { validating: nowMs },
    runner: null,
  };
  return {
    kind: batchKind,
    id: `batch_${name}`,
    tenant,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + order.windowMs + keepBatchMs,
    data: { ...data },
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function list({ query, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const page = await listDocuments(desk.jobs.documents, {
    ...readListQuery(query, { defaultLimit: 20, maxLimit: 100 }),
    kind: batchKind,
    tenant: caller.tenant,
    fits: () => true,
  });
  const data = await Promise.all(page.documents.map((document) => rendered(document, desk)));
  return jsonReply(200, renderList(data, page));
}

async function retrieve({ params, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  return look(await batchOfCaller(params.id ?? '', desk, caller), desk);
}

async function look(document: StoredDocument, desk: Desk): Promise<SurfaceReply> {
  return jsonReply(200, await rendered(document, desk));
}

async function rendered(document: StoredDocument, desk: Desk): Promise<object> {
  const { status, counts } = batchDataOf(document);
  if (isBatchEnded(status) || status === 'validating') return renderBatch(document, null);
  const live = await desk.jobs.counts({ group: document.id });
  return renderBatch(document, rowCountsOf(counts.total, live));
}

async function cancel({ params, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const id = params.id ?? '';
  for (let turn = 0; turn < tries; turn += 1) {
    const document = await batchOfCaller(id, desk, caller);
    const data = batchDataOf(document);
    if (data.status === 'cancelling' || data.status === 'cancelled') return look(document, desk);
    if (data.status !== 'validating' && data.status !== 'in_progress') {
      const message = `Cannot cancel a batch with status '${data.status}'.`;
      throw new PilotlightError('job_conflict', message);
    }
    const atMs = { ...data.atMs, cancelling: desk.wallMs() };
    const next = { ...document, data: { ...data, status: 'cancelling' as const, atMs } };
    if (await desk.jobs.documents.put(next, document.version)) return look(next, desk);
  }
  throw new PilotlightError('store_unavailable', `the batch ${id} is being changed all the time`);
}

async function batchOfCaller(id: string, desk: Desk, caller: Caller): Promise<StoredDocument> {
  const document = await desk.jobs.documents.get(batchKind, id);
  if (document === null || document.tenant !== caller.tenant) {
    throw new PilotlightError('job_not_found', `No batch found with id '${id}'.`, { param: 'id' });
  }
  return document;
}
