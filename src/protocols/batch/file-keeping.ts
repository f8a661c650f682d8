import { type BlobOwner, type BlobStore, blobOwnerKind } from '../../core/blobs.ts';
import type { DocumentStore, StoredDocument } from '../../core/job-store.ts';
import { fileDataOf } from './file-data.ts';

/** Where files and their bytes are kept. */
export interface FileShelf {
  readonly documents: DocumentStore;
  readonly blobs: BlobStore;
}

/**
 * Makes a file of a blob that is written: says first whose the blob is, then what the file is. false: there is a file of that id
 * already, and the blob is removed. Rejects with store_unavailable, the blob being removed where that can be.
 */
export async function keepFile(
  shelf: FileShelf,
  document: Omit<StoredDocument, 'version'>,
): Promise<boolean> {
  const { documents } = shelf;
  const { kind, id, tenant, createdAtMs } = document;
  const { blob } = fileDataOf({ ...document, version: 0 });
  const data: BlobOwner = { document: [kind, id] };
  let isKept = false;
  try {
    const owner = { kind: blobOwnerKind, id: blob, tenant, createdAtMs, expiresAtMs: null, data };
    await documents.put(owner, 0);
    isKept = await documents.put(document, 0);
  } finally {
    if (!isKept) await dropBlob(shelf, blob);
  }
  return isKept;
}

/** Removes a file with its bytes: the document first, since a file that cannot be read is worse than a blob nobody knows of. */
export async function dropFile(shelf: FileShelf, document: StoredDocument): Promise<void> {
  await shelf.documents.delete(document.kind, document.id);
  await dropBlob(shelf, fileDataOf(document).blob);
}

async function dropBlob({ documents, blobs }: FileShelf, blob: string): Promise<void> {
  await blobs.delete(blob);
  await documents.delete(blobOwnerKind, blob);
}
