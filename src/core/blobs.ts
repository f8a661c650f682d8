/**
 * Where large bytes lie: a directory now. A blob is durable when `write` has resolved, and never changes. All methods reject
 * with PilotlightError: `store_full` when there is no room, `store_unavailable` when it cannot be asked.
 */
export interface BlobStore {
  /** Writes a new blob; more than `maxBytes` rejects with body_too_large. What was begun is removed when it fails or is aborted. */
  write(source: AsyncIterable<Uint8Array>, maxBytes: number, signal: AbortSignal): Promise<Blob>;
  /** Its bytes, from `fromByte` on; rejects with file_not_found. */
  read(id: string, fromByte?: number): AsyncIterable<Buffer>;
  /** Removes it; one that is not there is no error. */
  delete(id: string): Promise<void>;
  /** Removes what no id in `isUsed` knows and is older than `olderThanMs`; returns how many. For what a crash left behind. */
  collect(isUsed: (id: string) => Promise<boolean>, olderThanMs: number): Promise<number>;
}

/** A blob that is written. */
export interface Blob {
  readonly id: string;
  readonly bytes: number;
  /** SHA-256 of its content, in hex. */
  readonly sha256: string;
}

/**
 * Kind of the documents that say whose a blob is: their id is the blob's, their data a BlobOwner. Who writes a blob puts one
 * before what refers to it: a blob older than a day whose owner is not there is removed.
 */
export const blobOwnerKind = 'blob-owner';

/** Who refers to a blob: a job by its id, or a document by its kind and id. */
export type BlobOwner = { readonly job: string } | { readonly document: readonly [kind: string, id: string] };
