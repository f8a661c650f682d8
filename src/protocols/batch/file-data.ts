import type { StoredDocument } from '../../core/job-store.ts';

/** Kind of the documents that files are. */
export const fileKind = 'file';

/** Largest file, as OpenAI's for batches. */
export const maxFileBytes = 200 * 10 ** 6;

/** What is kept of a file. */
export interface FileData {
  readonly filename: string;
  readonly purpose: string;
  readonly bytes: number;
  /** Where its content lies. */
  readonly blob: string;
}

/** A document's data as a file's. */
export function fileDataOf(document: StoredDocument): FileData {
  return document.data as unknown as FileData;
}

/** OpenAI's file object. */
export function renderFile(document: StoredDocument): object {
  const { filename, purpose, bytes } = fileDataOf(document);
  return {
    id: document.id,
    object: 'file',
    bytes,
    created_at: Math.floor(document.createdAtMs / 1_000),
    ...(document.expiresAtMs === null ? {} : { expires_at: Math.floor(document.expiresAtMs / 1_000) }),
    filename,
    purpose,
    status: 'processed',
    status_details: null,
  };
}
