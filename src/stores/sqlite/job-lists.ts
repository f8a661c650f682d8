import type { DatabaseSync } from 'node:sqlite';
import type { JobEvent } from '../../core/job.ts';
import type { JobRank } from '../../core/job-index.ts';
import type { PackedPage, PackedQuery } from './messages.ts';
import { type Cell, Statement } from './statements.ts';

interface IdRow {
  readonly id: string;
}

interface RecordRow {
  readonly record: string;
}

/** Past every instant: where a list without a page before starts. */
const newest = { createdAtMs: Number.MAX_VALUE, id: '' };

/** Reads jobs, one by one and in their lists. */
export class JobLists {
  readonly #database: DatabaseSync;
  readonly #byId: Statement<RecordRow>;
  readonly #bytes: Statement<{ readonly bytes: Uint8Array }>;
  readonly #head: Statement<IdRow>;
  readonly #due: Statement<IdRow>;
  readonly #nextDue: Statement<{ readonly ms: number | null }>;
  readonly #members: Statement<RecordRow>;
  readonly #events: Statement<JobEvent>;
  readonly #pages = new Map<string, Statement<RecordRow>>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#byId = new Statement(database, 'select record from jobs where id = ?');
    this.#bytes = new Statement(
      database,
      'select b.bytes from jobs j join bodies b on b.k = 2 * j.n + ? where j.id = ?',
    );
    this.#head = new Statement(
      database,
      `select id from jobs where model = ? and queue_rank <= ? order by queue_rank, queued_at, id limit ?`,
    );
    this.#due = new Statement(database, 'select id from jobs where due_at <= ? order by due_at, id limit ?');
    this.#nextDue = new Statement(
      database,
      'select due_at as ms from jobs where due_at is not null order by due_at limit 1',
    );
    this.#members = new Statement(
      database,
      'select record from jobs where group_id = ? and group_index >= ? order by group_index, id limit ?',
    );
    this.#events = new Statement(
      database,
      `select e.seq, e.at as atMs, e.type, e.data from jobs j join events e on e.job = j.n
       where j.id = ? and e.seq > ? order by e.seq limit ?`,
    );
  }

  get(ids: readonly string[]): (string | null)[] {
    return ids.map((id) => this.#byId.first(id)?.record ?? null);
  }

  body(id: string, part: 'input' | 'output'): Uint8Array | null {
    return this.#bytes.first(part === 'input' ? 0 : 1, id)?.bytes ?? null;
  }

  head(model: string, maxRank: JobRank, limit: number): string[] {
    return this.#head.all(model, maxRank, limit).map(({ id }) => id);
  }

  due(nowMs: number, limit: number): string[] {
    return this.#due.all(nowMs, limit).map(({ id }) => id);
  }

  nextDueMs(): number | null {
    return this.#nextDue.first()?.ms ?? null;
  }

  groupMembers(group: string, fromIndex: number, limit: number): string[] {
    return this.#members.all(group, fromIndex, limit).map(({ record }) => record);
  }

  events(id: string, afterSeq: number, limit: number): JobEvent[] {
    return this.#events.all(id, afterSeq, limit).map((event) => ({ ...event }));
  }

  list({ tenant, surface, model, states, after, limit }: PackedQuery): PackedPage {
    const { createdAtMs, id } = after ?? newest;
    const values: Cell[] = [tenant, createdAtMs, id];
    const conditions = ['tenant = ?', '(created_at, id) < (?, ?)'];
    const where = (column: string, wanted: readonly string[] | undefined) => {
      if (!wanted) return;
      conditions.push(`${column} in (${wanted.map(() => '?').join()})`);
      values.push(...wanted);
    };
    where('surface', surface === undefined ? undefined : [surface]);
    where('model', model === undefined ? undefined : [model]);
    where('state', states);
    const records = this.#page(conditions.join(' and '))
      .all(...values, limit + 1)
      .map(({ record }) => record);
    return { records: records.slice(0, limit), hasMore: records.length > limit };
  }

  /** One statement for each set of conditions: there are as many as combinations of what can be asked for. */
  #page(conditions: string): Statement<RecordRow> {
    const prepared = this.#pages.get(conditions);
    if (prepared) return prepared;
    const sql = `select record from jobs where ${conditions} order by created_at desc, id desc limit ?`;
    const statement = new Statement<RecordRow>(this.#database, sql);
    this.#pages.set(conditions, statement);
    return statement;
  }
}
