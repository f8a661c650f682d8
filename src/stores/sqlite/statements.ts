import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/** A value of a row as SQLite gives it. */
export type Cell = string | number | null | Uint8Array;

/** One prepared statement. The shape of its rows is what its SQL says: each table's file holds both. */
export class Statement<Row extends object = Record<string, Cell>> {
  readonly #statement: StatementSync;

  constructor(database: DatabaseSync, sql: string) {
    this.#statement = database.prepare(sql);
  }

  first(...values: SQLInputValue[]): Row | undefined {
    return this.#statement.get(...values) as Row | undefined;
  }

  all(...values: SQLInputValue[]): Row[] {
    return this.#statement.all(...values) as Row[];
  }

  /** Returns how many rows it changed. */
  run(...values: SQLInputValue[]): number {
    return Number(this.#statement.run(...values).changes);
  }
}
