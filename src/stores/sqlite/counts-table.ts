import type { DatabaseSync } from 'node:sqlite';
import type { Job } from '../../core/job.ts';
import { rankOf } from '../../core/job-index.ts';
import type { Backlog, JobCounts } from '../../core/job-store.ts';
import { Statement } from './statements.ts';

type Scope = 'model' | 'group' | 'queue';

interface CountRow {
  readonly name: string;
  readonly part: string;
  readonly count: number;
}

/**
 * How many jobs there are, by model, group and queue. What a transaction changes is summed up in memory and written once at its
 * end, since thousands of jobs of it have the same model.
 */
export class CountsTable {
  readonly #add: Statement;
  readonly #clean: Statement;
  readonly #ofName: Statement<CountRow>;
  readonly #ofScope: Statement<CountRow>;
  readonly #changes = new Map<string, { scope: Scope; name: string; part: string; by: number }>();

  constructor(database: DatabaseSync) {
    this.#add = new Statement(
      database,
      `insert into counts (scope, name, part, count) values (?, ?, ?, ?)
       on conflict do update set count = count + excluded.count`,
    );
    this.#clean = new Statement(
      database,
      'delete from counts where scope = ? and name = ? and part = ? and count = 0',
    );
    this.#ofName = new Statement(
      database,
      'select name, part, count from counts where scope = ? and name = ?',
    );
    this.#ofScope = new Statement(database, 'select name, part, count from counts where scope = ?');
  }

  /** `by`: 1 when it takes that state, -1 when it leaves it. */
  count(job: Pick<Job, 'model' | 'state' | 'priority' | 'group'>, by: 1 | -1): void {
    this.#change('model', job.model, job.state, by);
    if (job.group) this.#change('group', job.group.id, job.state, by);
    if (job.state === 'queued') this.#change('queue', job.model, String(rankOf[job.priority]), by);
  }

  /** Before the transaction is committed. */
  write(): void {
    for (const { scope, name, part, by } of this.#changes.values()) {
      if (by === 0) continue;
      this.#add.run(scope, name, part, by);
      if (by < 0) this.#clean.run(scope, name, part);
    }
    this.#changes.clear();
  }

  /** The transaction was rolled back. */
  forget(): void {
    this.#changes.clear();
  }

  counts(scope: 'model' | 'group', name: string): JobCounts {
    return Object.fromEntries(this.#ofName.all(scope, name).map(({ part, count }) => [part, count]));
  }

  backlog(): Backlog[] {
    const byModel = new Map<string, [number, number, number]>();
    for (const { name, part, count } of this.#ofScope.all('queue')) {
      const byRank = byModel.get(name) ?? [0, 0, 0];
      byRank[Number(part)] = count;
      byModel.set(name, byRank);
    }
    return [...byModel].map(([model, byRank]) => ({ model, byRank }));
  }

  #change(scope: Scope, name: string, part: string, by: number): void {
    const key = `${scope} ${part} ${name}`;
    const change = this.#changes.get(key);
    if (change) change.by += by;
    else this.#changes.set(key, { scope, name, part, by });
  }
}
