import type { Clock } from '../../core/clock.ts';
import type { Job } from '../../core/job.ts';
import type { JobRank } from '../../core/job-index.ts';
import { noteOf, noteOfRemoved } from '../../core/job-note.ts';
import type {
  CommitOutcome,
  Delivery,
  DocumentStore,
  JobChange,
  JobNote,
  JobPage,
  JobQuery,
  JobStore,
} from '../../core/job-store.ts';
import { cursorOf, readCursor } from '../../core/page-cursor.ts';
import { steadyTime } from '../../core/steady-time.ts';
import { type OnFault, WorkerChannel } from './channel.ts';
import type { PackedChange, PackedOutcome } from './messages.ts';

export interface SqliteStoreOptions {
  /** Absolute path; made where it is not there, with its folder. One process at a time may have it open. */
  readonly file: string;
  readonly clock: Clock;
  /** Told when the store begins to fail (disk full, file damaged, worker ended), and again only after it has worked meanwhile. */
  readonly onFault: OnFault;
  /** Largest size of the file in pages of 4 KiB; beyond it store_full. Default: what the disk holds. */
  readonly maxPages?: number;
}

/**
 * A store in one SQLite file, asked in a worker thread. A commit that resolved is on the disk (write-ahead log, flushed once for
 * all that were asked meanwhile). Rejects with store_unavailable where the file is damaged, of something else, or held by another
 * process.
 */
export async function openSqliteStore({
  file,
  clock,
  onFault,
  maxPages,
}: SqliteStoreOptions): Promise<JobStore> {
  const channel = await WorkerChannel.open({ file, maxPages: maxPages ?? null }, onFault);
  return new SqliteStore(channel, steadyTime(clock));
}

class SqliteStore implements JobStore {
  readonly kind = 'sqlite';
  readonly isShared = false;
  readonly nowMs: () => number;
  readonly documents: DocumentStore;
  readonly #channel: WorkerChannel;
  readonly #listeners = new Set<(note: JobNote) => void>();

  constructor(channel: WorkerChannel, nowMs: () => number) {
    this.#channel = channel;
    this.nowMs = nowMs;
    this.documents = {
      get: (kind, id) => channel.ask('getDocument', [kind, id]),
      list: (query) => channel.ask('listDocuments', [query]),
      put: (document, expected) => {
        const packed = { ...document, data: JSON.stringify(document.data) };
        return channel.ask('putDocument', [packed, expected]);
      },
      delete: (kind, id) => channel.ask('deleteDocument', [kind, id]),
      expired: (nowMs, limit) => channel.ask('expiredDocuments', [nowMs, limit]),
    };
  }

  async commit(changes: readonly JobChange[]): Promise<readonly CommitOutcome[]> {
    const bytes: ArrayBuffer[] = [];
    const packed = changes.map((change) => packedChange(change, bytes));
    const outcomes = await this.#channel.ask('commit', [packed], bytes);
    return outcomes.map((outcome, i) => this.#outcome(changes[i]!, outcome));
  }

  async get(id: string): Promise<Job | null> {
    const [job = null] = await this.getMany([id]);
    return job;
  }

  async getMany(ids: readonly string[]): Promise<readonly (Job | null)[]> {
    const records = await this.#channel.ask('get', [ids]);
    return records.map((record) => (record === null ? null : jobOf(record)));
  }

  async body(id: string, part: 'input' | 'output'): Promise<Buffer | null> {
    const bytes = await this.#channel.ask('body', [id, part]);
    return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  head(model: string, maxRank: JobRank, limit: number) {
    return this.#channel.ask('head', [model, maxRank, limit]);
  }

  due(nowMs: number, limit: number) {
    return this.#channel.ask('due', [nowMs, limit]);
  }

  nextDueMs() {
    return this.#channel.ask('nextDueMs', []);
  }

  async list({ before, ...query }: JobQuery): Promise<JobPage> {
    const after = before === undefined ? null : readCursor(before);
    if (before !== undefined && !after) return { jobs: [], next: null };
    const { records, hasMore } = await this.#channel.ask('list', [{ ...query, after }]);
    const jobs = records.map(jobOf);
    const last = jobs.at(-1);
    return { jobs, next: hasMore && last ? cursorOf(last) : null };
  }

  counts(of: { readonly model: string } | { readonly group: string }) {
    return 'model' in of
      ? this.#channel.ask('counts', ['model', of.model])
      : this.#channel.ask('counts', ['group', of.group]);
  }

  backlog() {
    return this.#channel.ask('backlog', []);
  }

  async groupMembers(group: string, fromIndex: number, limit: number): Promise<readonly Job[]> {
    const records = await this.#channel.ask('groupMembers', [group, fromIndex, limit]);
    return records.map(jobOf);
  }

  events(id: string, afterSeq: number, limit: number) {
    return this.#channel.ask('events', [id, afterSeq, limit]);
  }

  watch(listener: (note: JobNote) => void): () => void {
    const own = (note: JobNote) => listener(note);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  takeDeliveries(nowMs: number, untilMs: number, limit: number) {
    return this.#channel.ask('takeDeliveries', [nowMs, untilMs, limit]);
  }

  settleDelivery(taken: Delivery, next: Delivery | null) {
    return this.#channel.ask('settleDelivery', [taken, next]);
  }

  nextDeliveryMs() {
    return this.#channel.ask('nextDeliveryMs', []);
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  #outcome({ next }: JobChange, outcome: PackedOutcome): CommitOutcome {
    if (outcome.kind === 'conflict')
      return { kind: 'conflict', job: outcome.record === null ? null : jobOf(outcome.record) };
    if (next) this.#tell(noteOf(next));
    else if (outcome.last !== null) this.#tell(noteOfRemoved(jobOf(outcome.last)));
    return { kind: 'done' };
  }

  #tell(note: JobNote): void {
    for (const listener of this.#listeners) listener(note);
  }
}

function packedChange({ next, ...change }: JobChange, bytes: ArrayBuffer[]): PackedChange {
  return {
    ...change,
    record: next && JSON.stringify(next),
    input: ownBytes(change.input, bytes),
    output: ownBytes(change.output, bytes),
  };
}

/** A copy in memory of its own: a Buffer is often a piece of a larger one, which would cross as a whole. */
function ownBytes(buffer: Buffer | undefined, bytes: ArrayBuffer[]): Uint8Array | undefined {
  if (!buffer) return undefined;
  const own = new Uint8Array(buffer);
  bytes.push(own.buffer);
  return own;
}

function jobOf(record: string): Job {
  return JSON.parse(record);
}
