import type { DatabaseSync } from 'node:sqlite';
import type { Delivery } from '../../core/job-store.ts';
import { Statement } from './statements.ts';

/** What webhooks are still to be told. */
export class DeliveryTable {
  readonly #insert: Statement;
  readonly #due: Statement<Delivery>;
  readonly #take: Statement;
  readonly #settle: Statement;
  readonly #end: Statement;
  readonly #next: Statement<{ readonly ms: number | null }>;
  readonly #deleteOfJob: Statement;

  constructor(database: DatabaseSync) {
    this.#insert = new Statement(
      database,
      'insert into deliveries (id, job, event, created_at, due_at, attempts) values (?, ?, ?, ?, ?, ?)',
    );
    this.#due = new Statement(
      database,
      `select d.id, j.id as jobId, d.event, d.created_at as createdAtMs, d.due_at as dueAtMs, d.attempts
       from deliveries d join jobs j on j.n = d.job where d.due_at <= ? order by d.due_at, d.id limit ?`,
    );
    this.#take = new Statement(database, 'update deliveries set due_at = ? where id = ?');
    this.#settle = new Statement(
      database,
      'update deliveries set due_at = ?, attempts = ? where id = ? and due_at = ?',
    );
    this.#end = new Statement(database, 'delete from deliveries where id = ? and due_at = ?');
    this.#next = new Statement(database, 'select min(due_at) as ms from deliveries');
    this.#deleteOfJob = new Statement(database, 'delete from deliveries where job = ?');
  }

  /** `job`: the number of its row. */
  add(job: number, { id, event, createdAtMs, dueAtMs, attempts }: Delivery): void {
    this.#insert.run(id, job, event, createdAtMs, dueAtMs, attempts);
  }

  take(nowMs: number, untilMs: number, limit: number): Delivery[] {
    return this.#due.all(nowMs, limit).map((delivery) => {
      this.#take.run(untilMs, delivery.id);
      return { ...delivery, dueAtMs: untilMs };
    });
  }

  settle(taken: Delivery, next: Delivery | null): boolean {
    if (!next) return this.#end.run(taken.id, taken.dueAtMs) > 0;
    return this.#settle.run(next.dueAtMs, next.attempts, taken.id, taken.dueAtMs) > 0;
  }

  nextMs(): number | null {
    return this.#next.first()?.ms ?? null;
  }

  deleteOfJob(job: number): void {
    this.#deleteOfJob.run(job);
  }
}
