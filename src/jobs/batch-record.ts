import type { DocumentStore, StoredDocument } from '../core/job-store.ts';
import { type BatchData, batchDataOf, batchKind } from '../protocols/batch/batch-data.ts';

/** Somebody else has changed the batch meanwhile (its client cancels it, another gateway moves it on): it must be read again. */
export class BatchChanged extends Error {
  override readonly name = 'BatchChanged';
}

/** Where batches are kept, and who asks. */
export interface BatchShelf {
  readonly documents: DocumentStore;
  /** This process. */
  readonly owner: string;
  /** Whether other gateways use the same store: else who holds a batch has ended. */
  readonly isShared: boolean;
  /** How long a gateway that was not heard of keeps others from a batch. */
  readonly leaseMs: number;
  nowMs(): number;
}

/** A batch that this gateway moves on: one reading of its document, which each change of its own renews. */
export class BatchRecord {
  readonly #shelf: BatchShelf;
  #document: StoredDocument;

  private constructor(shelf: BatchShelf, document: StoredDocument) {
    this.#shelf = shelf;
    this.#document = document;
  }

  /** Takes a batch; `busy`: another gateway has it; null: there is none. Rejects with store_unavailable. */
  static async take(shelf: BatchShelf, id: string): Promise<BatchRecord | 'busy' | null> {
    const document = await shelf.documents.get(batchKind, id);
    if (document === null) return null;
    const { runner } = batchDataOf(document);
    const isOthers = runner !== null && runner.owner !== shelf.owner && runner.untilMs > shelf.nowMs();
    if (shelf.isShared && isOthers) return 'busy';
    const record = new BatchRecord(shelf, document);
    const isTaken = !shelf.isShared || runner?.owner === shelf.owner || (await record.#claim());
    return isTaken ? record : 'busy';
  }

  get id(): string {
    return this.#document.id;
  }

  get tenant(): string {
    return this.#document.tenant;
  }

  get createdAtMs(): number {
    return this.#document.createdAtMs;
  }

  get data(): BatchData {
    return batchDataOf(this.#document);
  }

  /** false: somebody else was faster. */
  async #claim(): Promise<boolean> {
    try {
      await this.update({});
      return true;
    } catch (error) {
      if (error instanceof BatchChanged) return false;
      throw error;
    }
  }

  /** Writes changes, and a status with its instant. Rejects with BatchChanged, store_unavailable. */
  async update(changes: Partial<BatchData>): Promise<void> {
    const { documents, owner, isShared, leaseMs } = this.#shelf;
    const nowMs = this.#shelf.nowMs();
    const { status } = changes;
    const data: BatchData = {
      ...this.data,
      ...changes,
      ...(status === undefined ? {} : { atMs: { ...this.data.atMs, [status]: nowMs } }),
      runner: isShared ? { owner, untilMs: nowMs + leaseMs } : null,
    };
    const next = { ...this.#document, data: { ...data } };
    if (!(await documents.put(next, this.#document.version))) throw new BatchChanged();
    this.#document = { ...next, version: this.#document.version + 1 };
  }

  /** Asks in the middle of long work whether the batch is as it was, and has others kept from it. Rejects with BatchChanged. */
  async keep(): Promise<void> {
    const { runner } = this.data;
    const { leaseMs } = this.#shelf;
    if (runner !== null && runner.untilMs - this.#shelf.nowMs() < leaseMs / 2) return this.update({});
    const now = await this.#shelf.documents.get(batchKind, this.id);
    if (now?.version !== this.#document.version) throw new BatchChanged();
  }
}
