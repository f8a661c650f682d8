import { randomBytes } from 'node:crypto';
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
import { jsonReply } from '../surface-json.ts';
import { listDocuments, readListQuery, renderList } from './documents.ts';
import { type FileData, fileDataOf, fileKind, maxFileBytes, renderFile } from './file-data.ts';
import { dropFile, keepFile } from './file-keeping.ts';
import { readUpload, type Upload } from './upload.ts';

/** What a form needs around its file. */
const formBytes = 256 * 1_024;

/** OpenAI keeps input files of batches for so long unless told otherwise. */
const keepInputMs = 30 * 86_400_000;

/** /v1/files: upload, list, look, read, delete. */
export function fileRoutes({ limits }: SurfaceOptions): readonly SurfaceRoute[] {
  const whole = { maxBodyBytes: null };
  return [
    {
      methods: ['POST'],
      path: '/v1/files',
      maxBodyBytes: maxFileBytes + formBytes,
      upload: true,
      handle: (request, desk, upload) => create({ request, desk, upload, isStrict: limits === 'original' }),
    },
    { ...whole, methods: ['GET'], path: '/v1/files', handle: list },
    { ...whole, methods: ['GET'], path: '/v1/files/:id', handle: retrieve },
    { ...whole, methods: ['GET'], path: '/v1/files/:id/content', handle: content },
    { ...whole, methods: ['DELETE'], path: '/v1/files/:id', handle: remove },
  ];
}

/** A file of this caller. Rejects with file_not_found. */
export async function fileOfCaller(id: string, desk: Desk, caller: Caller): Promise<StoredDocument> {
  const document = await desk.jobs.documents.get(fileKind, id);
  if (document === null || document.tenant !== caller.tenant) {
    throw new PilotlightError('file_not_found', `No such File object: ${id}`, { param: 'id' });
  }
  return document;
}

interface Creation {
  readonly request: SurfaceRequest;
  readonly desk: Desk;
  readonly upload: AsyncIterable<Buffer> | null;
  /** Whether the platform's own limits hold. */
  readonly isStrict: boolean;
}

async function create({ request, desk, upload, isStrict }: Creation): Promise<SurfaceReply> {
  if (upload === null) throw new PilotlightError('invalid_body', 'there is no upload');
  const { caller, headers } = request;
  const { blobs } = desk.jobs;
  const contentType = headers['content-type'] ?? '';
  const read = await readUpload({ contentType, source: upload, blobs, signal: caller.signal });
  const document = await documentOrNothing(read, { caller, desk, isStrict });
  await keepFile(desk.jobs, document);
  return jsonReply(200, renderFile({ ...document, version: 1 }));
}

/** The document of an upload; where it is not one that is kept, its blob is removed. */
async function documentOrNothing(
  read: Upload,
  { caller, desk, isStrict }: Omit<Creation, 'request' | 'upload'> & { readonly caller: Caller },
): Promise<Omit<StoredDocument, 'version'>> {
  try {
    return documentOf(read, { caller, nowMs: desk.wallMs(), isStrict });
  } catch (error) {
    await desk.jobs.blobs.delete(read.blob.id);
    throw error;
  }
}

function documentOf(
  { blob, filename, fields }: Upload,
  {
    caller,
    nowMs,
    isStrict,
  }: { readonly caller: Caller; readonly nowMs: number; readonly isStrict: boolean },
): Omit<StoredDocument, 'version'> {
  const purpose = fields.get('purpose');
  if (purpose === undefined) {
    throw new PilotlightError('bad_request', "Missing required parameter: 'purpose'.", { param: 'purpose' });
  }
  if (purpose !== 'batch') {
    const message = `files are kept for batches alone: purpose must be "batch", not ${JSON.stringify(purpose)}`;
    throw new PilotlightError('not_emulated', message, { param: 'purpose' });
  }
  if (isStrict && !filename.endsWith('.jsonl')) {
    const message = 'Invalid file format for Batch API. Must be .jsonl';
    throw new PilotlightError('bad_request', message, { param: 'file' });
  }
  const data: FileData = { filename, purpose, bytes: blob.bytes, blob: blob.id };
  return {
    kind: fileKind,
    id: `file-${randomBytes(16).toString('hex')}`,
    tenant: caller.tenant,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + (keepMsOf(fields) ?? keepInputMs),
    data: { ...data },
  };
}

/** `expires_after[anchor]` and `expires_after[seconds]`; null: not given. Throws bad_request. */
function keepMsOf(fields: ReadonlyMap<string, string>): number | null {
  const anchor = fields.get('expires_after[anchor]');
  const seconds = fields.get('expires_after[seconds]');
  if (anchor === undefined && seconds === undefined) return null;
  return readExpiry(
    { anchor, seconds: seconds === undefined ? undefined : Number(seconds) },
    'expires_after',
  );
}

/** An expiry as OpenAI's API takes it, in ms. Throws bad_request. */
export function readExpiry(
  { anchor, seconds }: { readonly anchor?: unknown; readonly seconds?: unknown },
  param: string,
): number {
  if (anchor !== 'created_at') {
    throw new PilotlightError('bad_request', `${param}.anchor must be created_at`, { param });
  }
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 3_600 || seconds > 2_592_000) {
    const message = `${param}.seconds must be a whole number from 3600 to 2592000`;
    throw new PilotlightError('bad_request', message, { param });
  }
  return seconds * 1_000;
}

async function list({ query, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const purpose = query.get('purpose');
  const page = await listDocuments(desk.jobs.documents, {
    ...readListQuery(query, { defaultLimit: 10_000, maxLimit: 10_000 }),
    kind: fileKind,
    tenant: caller.tenant,
    fits: (document) => purpose === null || fileDataOf(document).purpose === purpose,
  });
  return jsonReply(200, renderList(page.documents.map(renderFile), page));
}

async function retrieve({ params, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  return jsonReply(200, renderFile(await fileOfCaller(params.id ?? '', desk, caller)));
}

async function content({ params, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const { blob, bytes, filename } = fileDataOf(await fileOfCaller(params.id ?? '', desk, caller));
  const name = filename.replace(/[^\w.-]/g, '_');
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(bytes),
    'content-disposition': `attachment; filename="${name}"`,
  };
  return { status: 200, headers, body: desk.jobs.blobs.read(blob) };
}

async function remove({ params, caller }: SurfaceRequest, desk: Desk): Promise<SurfaceReply> {
  const document = await fileOfCaller(params.id ?? '', desk, caller);
  await dropFile(desk.jobs, document);
  return jsonReply(200, { id: document.id, object: 'file', deleted: true });
}
