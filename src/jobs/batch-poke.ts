import type { DocumentStore } from '../core/job-store.ts';
import { batchDataOf, batchKind } from '../protocols/batch/batch-data.ts';

/** The documents that surfaces write to; `poke` is called when one of them makes a batch, or wants one cancelled. */
export function pokingDocuments(documents: DocumentStore, poke: () => void): DocumentStore {
  return {
    get: (kind, id) => documents.get(kind, id),
    list: (query) => documents.list(query),
    delete: (kind, id) => documents.delete(kind, id),
    expired: (nowMs, limit) => documents.expired(nowMs, limit),
    async put(document, expected) {
      const isWritten = await documents.put(document, expected);
      if (!isWritten || document.kind !== batchKind) return isWritten;
      const { status } = batchDataOf({ ...document, version: 0 });
      if (expected === 0 || status === 'cancelling') poke();
      return isWritten;
    },
  };
}
