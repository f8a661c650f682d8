import type { DeliveryEvent, Job, JobEvent, JobState } from './job.ts';
import type { JobRank } from './job-index.ts';

/**
 * Where jobs live: memory, SQLite or Redis. A store knows no rules: it keeps versions of jobs, each change all or nothing, and
 * the lists that `indexOf` (job-index.ts) names. What may become of a job is decided in src/jobs from what was read, and
 * committed against the version that was read, so that of two writers one is told `conflict`.
 *
 * Every method that returns a promise rejects with PilotlightError `store_unavailable` when the store cannot be asked;
 * a `commit` that rejects may have happened or not. A `commit` that resolved is durable as far as the store promises.
 */
export interface JobStore {
  readonly kind: 'memory' | 'sqlite' | 'redis';
  /** Whether other processes use it too: without that a lease of another owner is one of a process that has ended. */
  readonly isShared: boolean;
  /**
   * The store's clock, in ms since the epoch: steady while the process runs (a wall clock that jumps moves nothing), and the
   * same for all who share the store.
   */
  nowMs(): number;
  /** Commits each change by itself, in order; several at once share one flush. */
  commit(changes: readonly JobChange[]): Promise<readonly CommitOutcome[]>;
  get(id: string): Promise<Job | null>;
  /** As `get`, in the order asked for. */
  getMany(ids: readonly string[]): Promise<readonly (Job | null)[]>;
  /** The bytes that are kept in the store for a job (StoredBody `at: store`); null: there are none. */
  body(id: string, part: 'input' | 'output'): Promise<Buffer | null>;
  /** Ids from the head of a model's queues, rank by rank up to `maxRank`, at most `limit`. */
  head(model: string, maxRank: JobRank, limit: number): Promise<readonly string[]>;
  /** Ids whose `dueAtMs` is at most `nowMs`, the earliest first, at most `limit`. */
  due(nowMs: number, limit: number): Promise<readonly string[]>;
  /** The next `dueAtMs` of all; null: nothing is due ever. */
  nextDueMs(): Promise<number | null>;
  /** Newest first (by `createdAtMs`, then id, descending); `before` is the `next` of the page before: what is none gets an empty page. */
  list(query: JobQuery): Promise<JobPage>;
  /** Jobs per state, of one model, or of one group; states with none are left out. */
  counts(of: { readonly model: string } | { readonly group: string }): Promise<JobCounts>;
  /** What waits, for each model that has jobs queued (those that wait for a next attempt included). */
  backlog(): Promise<readonly Backlog[]>;
  /** Jobs of a group by their index, from `fromIndex` on, at most `limit`. */
  groupMembers(group: string, fromIndex: number, limit: number): Promise<readonly Job[]>;
  /** Events after `afterSeq`, oldest first, at most `limit`; the last 1,024 of a job are kept, and go with it. */
  events(id: string, afterSeq: number, limit: number): Promise<readonly JobEvent[]>;
  /** Told of each commit, whoever made it, at least once and in order for one job; returns what ends it. A listener throws nothing. */
  watch(listener: (note: JobNote) => void): () => void;
  /**
   * Deliveries whose `dueAtMs` is at most `nowMs`, the earliest first: each is handed to one caller, with `untilMs` as its
   * `dueAtMs`, when it is due again.
   */
  takeDeliveries(nowMs: number, untilMs: number, limit: number): Promise<readonly Delivery[]>;
  /**
   * Ends a delivery that was taken (`next` null) or has it due again; false: it is not there as it was taken (somebody else took
   * it meanwhile, or its job was removed), and nothing was written.
   */
  settleDelivery(taken: Delivery, next: Delivery | null): Promise<boolean>;
  /** The instant of the next delivery; null: there is none. */
  nextDeliveryMs(): Promise<number | null>;
  readonly documents: DocumentStore;
  /** Flushes what was committed and lets go; idempotent. */
  close(): Promise<void>;
}

/** A change of one job: all of it, or nothing. */
export interface JobChange {
  /** The version that must stand; 0: no job of that id, and none with its idempotency key, may be there. */
  readonly expected: number;
  readonly id: string;
  /**
   * With version `expected + 1`; null: it is removed, with its bytes, events and deliveries. Surface, model, tenant, group,
   * idempotency key and `createdAtMs` stay the same through all versions.
   */
  readonly next: Job | null;
  /**
   * Bytes for `input.body` and `result.body` where they are at the store. Left out: they stay as they are. What `next` does not
   * name as at the store goes.
   */
  readonly input?: Buffer;
  readonly output?: Buffer;
  readonly events?: readonly JobEvent[];
  /** New ones, with ids of their own. */
  readonly deliveries?: readonly Delivery[];
}

/** What became of a change. `conflict`: the job (of that id, or with that idempotency key) as it stands; null: there is none. */
export type CommitOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'conflict'; readonly job: Job | null };

export interface JobQuery {
  readonly tenant: string;
  readonly surface?: string;
  readonly model?: string;
  readonly states?: readonly JobState[];
  readonly before?: string;
  readonly limit: number;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  /** For the page after this one; null: this was the last. */
  readonly next: string | null;
}

export type JobCounts = Readonly<Partial<Record<JobState, number>>>;

export interface Backlog {
  readonly model: string;
  /** Queued, by rank: high, normal, low. */
  readonly byRank: readonly [number, number, number];
}

/** What is told of a commit. */
export interface JobNote {
  readonly id: string;
  readonly model: string;
  readonly group: string | null;
  readonly version: number;
  /** null: it was removed. */
  readonly state: JobState | null;
  readonly isCancelRequested: boolean;
  readonly lastSeq: number;
}

/** Something that a webhook is to be told. */
export interface Delivery {
  /** Its receiver knows a repetition by it (`webhook-id`). */
  readonly id: string;
  readonly jobId: string;
  readonly event: DeliveryEvent;
  readonly createdAtMs: number;
  readonly dueAtMs: number;
  /** Tries so far. */
  readonly attempts: number;
}

/**
 * Small documents of surfaces (files, batches, secrets): JSON under a kind and an id, changed against a version. A blob
 * that belongs to one is named by `data.blob`: it is kept as long as the document, and goes with it when that expires.
 */
export interface DocumentStore {
  get(kind: string, id: string): Promise<StoredDocument | null>;
  /** Newest first (by `createdAtMs`, then id, descending). */
  list(query: DocumentQuery): Promise<readonly StoredDocument[]>;
  /** With version `expected + 1`; `expected` 0: none may be there. Returns whether it was written. */
  put(document: Omit<StoredDocument, 'version'>, expected: number): Promise<boolean>;
  /** Returns whether it was there. */
  delete(kind: string, id: string): Promise<boolean>;
  /** Those whose `expiresAtMs` is at most `nowMs`, the earliest first, at most `limit`. */
  expired(nowMs: number, limit: number): Promise<readonly StoredDocument[]>;
}

export interface DocumentQuery {
  readonly kind: string;
  /** null: of all tenants. */
  readonly tenant: string | null;
  /** Id of the last one of the page before; where none of that id is there, the list is empty. */
  readonly after?: string;
  readonly limit: number;
}

export interface StoredDocument {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly tenant: string;
  readonly createdAtMs: number;
  /** null: it is kept until it is deleted. */
  readonly expiresAtMs: number | null;
  readonly data: Readonly<Record<string, unknown>>;
}
