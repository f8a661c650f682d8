import type { JobEvent } from '../../core/job.ts';
import type { JobRank } from '../../core/job-index.ts';
import type {
  Backlog,
  Delivery,
  DocumentQuery,
  JobChange,
  JobCounts,
  JobQuery,
  StoredDocument,
} from '../../core/job-store.ts';
import type { StoreFault } from './fault.ts';
import type { StoreFile } from './open-file.ts';

/** A change as the worker gets it: its record is JSON, made where it was asked for, and its bytes are its own. */
export interface PackedChange extends Omit<JobChange, 'next' | 'input' | 'output'> {
  /** null: the job is removed. */
  readonly record: string | null;
  readonly input: Uint8Array | undefined;
  readonly output: Uint8Array | undefined;
}

/** `last`: the record as it stood before the removal; null where nothing was removed. */
export type PackedOutcome =
  | { readonly kind: 'done'; readonly last: string | null }
  | { readonly kind: 'conflict'; readonly record: string | null };

export interface PackedPage {
  readonly records: readonly string[];
  readonly hasMore: boolean;
}

/** Where the page before ended; null: it is the first page. */
export interface PackedQuery extends Omit<JobQuery, 'before'> {
  readonly after: { readonly createdAtMs: number; readonly id: string } | null;
}

/** `data` in JSON. */
export interface PackedDocument extends Omit<StoredDocument, 'version' | 'data'> {
  readonly data: string;
}

/** What can be asked of the worker: arguments and answer. Records of jobs cross as JSON. */
export interface Operations {
  commit: (changes: readonly PackedChange[]) => readonly PackedOutcome[];
  takeDeliveries: (nowMs: number, untilMs: number, limit: number) => readonly Delivery[];
  settleDelivery: (taken: Delivery, next: Delivery | null) => boolean;
  putDocument: (document: PackedDocument, expected: number) => boolean;
  deleteDocument: (kind: string, id: string) => boolean;
  get: (ids: readonly string[]) => readonly (string | null)[];
  body: (id: string, part: 'input' | 'output') => Uint8Array | null;
  head: (model: string, maxRank: JobRank, limit: number) => readonly string[];
  due: (nowMs: number, limit: number) => readonly string[];
  nextDueMs: () => number | null;
  list: (query: PackedQuery) => PackedPage;
  counts: (scope: 'model' | 'group', name: string) => JobCounts;
  backlog: () => readonly Backlog[];
  groupMembers: (group: string, fromIndex: number, limit: number) => readonly string[];
  events: (id: string, afterSeq: number, limit: number) => readonly JobEvent[];
  nextDeliveryMs: () => number | null;
  getDocument: (kind: string, id: string) => StoredDocument | null;
  listDocuments: (query: DocumentQuery) => readonly StoredDocument[];
  expiredDocuments: (nowMs: number, limit: number) => readonly StoredDocument[];
}

/** Those of them that write: several share one transaction, and one flush. */
export const writes: ReadonlySet<keyof Operations> = new Set([
  'commit',
  'takeDeliveries',
  'settleDelivery',
  'putDocument',
  'deleteDocument',
]);

/** Something asked of the worker, under a number that its answer carries. */
export type Question = {
  [Name in keyof Operations]: {
    readonly number: number;
    readonly name: Name;
    readonly args: Parameters<Operations[Name]>;
  };
}[keyof Operations];

export type Answer =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly fault: StoreFault };

/** To the worker: questions in the order they were asked, or that it is to end after those. */
export type ToWorker = readonly Question[] | 'close';

/** From the worker: first `opened` or why it was not; then answers. */
export type FromWorker = 'opened' | StoreFault | readonly Answer[];

/** What the worker is started with. */
export type WorkerSettings = StoreFile;
