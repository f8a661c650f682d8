import type { DatabaseSync } from 'node:sqlite';
import { type Job, type JobEvent, keptEvents } from '../../core/job.ts';
import { indexOf, rankOf } from '../../core/job-index.ts';
import { hasBytes } from '../../core/job-note.ts';
import type { CountsTable } from './counts-table.ts';
import type { DeliveryTable } from './delivery-table.ts';
import type { PackedChange, PackedOutcome } from './messages.ts';
import { Statement } from './statements.ts';

interface JobRow {
  readonly n: number;
  readonly version: number;
  readonly record: string;
}

/** Writes jobs, with their bytes and events. What reads them is job-lists.ts. */
export class JobTable {
  readonly #byId: Statement<JobRow>;
  readonly #byKey: Statement<{ readonly record: string }>;
  readonly #insert: Statement<{ readonly n: number }>;
  readonly #update: Statement;
  readonly #delete: Statement;
  readonly #putBytes: Statement;
  readonly #deleteBytes: Statement;
  readonly #addEvent: Statement;
  readonly #trimEvents: Statement;
  readonly #counts: CountsTable;
  readonly #deliveries: DeliveryTable;

  constructor(database: DatabaseSync, counts: CountsTable, deliveries: DeliveryTable) {
    this.#counts = counts;
    this.#deliveries = deliveries;
    const prepare = (sql: string) => new Statement(database, sql);
    this.#byId = new Statement(database, 'select n, version, record from jobs where id = ?');
    this.#byKey = new Statement(database, 'select record from jobs where idempotency_key = ?');
    this.#insert = new Statement(
      database,
      `insert into jobs (version, state, rank, queue_rank, queued_at, due_at, record, id, tenant, surface, model,
         created_at, group_id, group_index, idempotency_key)
       values (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning n`,
    );
    this.#update = prepare(
      `update jobs set version = version + 1, state = ?, rank = ?, queue_rank = ?, queued_at = ?, due_at = ?, record = ?
       where n = ?`,
    );
    this.#delete = prepare('delete from jobs where n = ?');
    this.#putBytes = prepare(
      'insert into bodies (k, bytes) values (?, ?) on conflict do update set bytes = excluded.bytes',
    );
    this.#deleteBytes = prepare('delete from bodies where k = ?');
    this.#addEvent = prepare('insert into events (job, seq, at, type, data) values (?, ?, ?, ?, ?)');
    this.#trimEvents = prepare('delete from events where job = ? and seq <= ?');
  }

  apply(change: PackedChange): PackedOutcome {
    const row = this.#byId.first(change.id);
    if ((row?.version ?? 0) !== change.expected) return { kind: 'conflict', record: row?.record ?? null };
    const last = row ? (JSON.parse(row.record) as Job) : null;
    if (change.record === null) {
      if (row && last) this.#remove(row, last);
      return { kind: 'done', last: row?.record ?? null };
    }
    const next = JSON.parse(change.record) as Job;
    if (!row && next.idempotencyKey !== null) {
      const other = this.#byKey.first(next.idempotencyKey);
      if (other) return { kind: 'conflict', record: other.record };
    }
    const n = this.#write(row?.n ?? null, next, change.record);
    if (last) this.#counts.count(last, -1);
    this.#counts.count(next, 1);
    this.#writeBytes(n, change, { last, next });
    this.#writeEvents(n, change.events ?? []);
    for (const delivery of change.deliveries ?? []) this.#deliveries.add(n, delivery);
    return { kind: 'done', last: null };
  }

  /** Returns the number of its row. What is not updated stays the same through all versions of a job. */
  #write(n: number | null, next: Job, record: string): number {
    const { queue, dueAtMs } = indexOf(next);
    const changing = [
      next.state,
      rankOf[next.priority],
      queue?.rank ?? null,
      next.queuedAtMs,
      dueAtMs,
      record,
    ] as const;
    if (n !== null) {
      this.#update.run(...changing, n);
      return n;
    }
    const { id, tenant, surface, model, createdAtMs, group, idempotencyKey } = next;
    const lasting = [
      id,
      tenant,
      surface,
      model,
      createdAtMs,
      group?.id ?? null,
      group?.index ?? null,
    ] as const;
    return this.#insert.first(...changing, ...lasting, idempotencyKey)!.n;
  }

  #writeBytes(n: number, change: PackedChange, { last, next }: { last: Job | null; next: Job }): void {
    for (const part of ['input', 'output'] as const) {
      const bytes = change[part];
      const key = part === 'input' ? 2 * n : 2 * n + 1;
      if (!hasBytes(next, part)) {
        if (last && hasBytes(last, part)) this.#deleteBytes.run(key);
      } else if (bytes) this.#putBytes.run(key, bytes);
    }
  }

  #writeEvents(n: number, events: readonly JobEvent[]): void {
    for (const { seq, atMs, type, data } of events.slice(-keptEvents))
      this.#addEvent.run(n, seq, atMs, type, data);
    const lastSeq = events.at(-1)?.seq ?? 0;
    if (lastSeq > keptEvents) this.#trimEvents.run(n, lastSeq - keptEvents);
  }

  #remove({ n }: JobRow, last: Job): void {
    this.#delete.run(n);
    this.#deleteBytes.run(2 * n);
    this.#deleteBytes.run(2 * n + 1);
    this.#trimEvents.run(n, Number.MAX_SAFE_INTEGER);
    this.#deliveries.deleteOfJob(n);
    this.#counts.count(last, -1);
  }
}
