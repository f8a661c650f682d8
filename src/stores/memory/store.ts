import type { Clock } from '../../core/clock.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JobRank } from '../../core/job-index.ts';
import type {
  CommitOutcome,
  Delivery,
  DocumentQuery,
  DocumentStore,
  JobChange,
  JobNote,
  JobQuery,
  JobStore,
  StoredDocument,
} from '../../core/job-store.ts';
import { steadyTime } from '../../core/steady-time.ts';
import { Documents } from './documents.ts';
import { Jobs } from './jobs.ts';
import { Outbox } from './outbox.ts';

/** A store that a restart empties. For tests, and for those who would lose nothing by it. */
export function openMemoryStore(options: { readonly clock: Clock }): JobStore {
  return new MemoryStore(options.clock);
}

class MemoryStore implements JobStore {
  readonly kind = 'memory';
  readonly isShared = false;
  readonly nowMs: () => number;
  readonly documents: DocumentStore;
  readonly #outbox = new Outbox();
  readonly #jobs = new Jobs(this.#outbox);
  readonly #listeners = new Set<(note: JobNote) => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.nowMs = steadyTime(clock);
    const documents = new Documents();
    const ask = <T>(answer: () => T) => this.#ask(answer);
    this.documents = {
      get: (kind: string, id: string) => ask(() => documents.get(kind, id)),
      list: (query: DocumentQuery) => ask(() => documents.list(query)),
      put: (document: Omit<StoredDocument, 'version'>, expected: number) =>
        ask(() => documents.put(document, expected)),
      delete: (kind: string, id: string) => ask(() => documents.delete(kind, id)),
      expired: (nowMs: number, limit: number) => ask(() => documents.expired(nowMs, limit)),
    };
  }

  commit(changes: readonly JobChange[]): Promise<readonly CommitOutcome[]> {
    return this.#ask(() => {
      const notes: JobNote[] = [];
      const outcomes = changes.map((change) => this.#jobs.apply(change, (note) => notes.push(note)));
      for (const note of notes) for (const listener of this.#listeners) listener(note);
      return outcomes;
    });
  }

  get(id: string) {
    return this.#ask(() => this.#jobs.get(id));
  }

  getMany(ids: readonly string[]) {
    return this.#ask(() => ids.map((id) => this.#jobs.get(id)));
  }

  body(id: string, part: 'input' | 'output') {
    return this.#ask(() => this.#jobs.body(id, part));
  }

  head(model: string, maxRank: JobRank, limit: number) {
    return this.#ask(() => this.#jobs.lists.head(model, maxRank, limit));
  }

  due(nowMs: number, limit: number) {
    return this.#ask(() => this.#jobs.lists.due(nowMs, limit));
  }

  nextDueMs() {
    return this.#ask(() => this.#jobs.lists.nextDueMs());
  }

  list(query: JobQuery) {
    return this.#ask(() => this.#jobs.list(query));
  }

  counts(of: { readonly model: string } | { readonly group: string }) {
    return this.#ask(() => this.#jobs.lists.counts(of));
  }

  backlog() {
    return this.#ask(() => this.#jobs.lists.backlog());
  }

  groupMembers(group: string, fromIndex: number, limit: number) {
    return this.#ask(() =>
      this.#jobs.lists.ofGroup(group, fromIndex, limit).map((id) => this.#jobs.get(id)!),
    );
  }

  events(id: string, afterSeq: number, limit: number) {
    return this.#ask(() => this.#jobs.events(id, afterSeq, limit));
  }

  watch(listener: (note: JobNote) => void): () => void {
    const own = (note: JobNote) => listener(note);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  takeDeliveries(nowMs: number, untilMs: number, limit: number) {
    return this.#ask(() => this.#outbox.take(nowMs, untilMs, limit));
  }

  settleDelivery(taken: Delivery, next: Delivery | null) {
    return this.#ask(() => this.#outbox.settle(taken, next));
  }

  nextDeliveryMs() {
    return this.#ask(() => this.#outbox.nextMs());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #ask<T>(answer: () => T): Promise<T> {
    if (this.#isClosed) throw new PilotlightError('store_unavailable', 'store: it was closed');
    return answer();
  }
}
