import type { DatabaseSync } from 'node:sqlite';
import type { DocumentQuery, StoredDocument } from '../../core/job-store.ts';
import type { PackedDocument } from './messages.ts';
import { Statement } from './statements.ts';

interface DocumentRow extends PackedDocument {
  readonly version: number;
}

const columns =
  'kind, id, version, tenant, created_at as createdAtMs, expires_at as expiresAtMs, data from documents';

/** Past every id: where a list without an end of a page before starts. */
const newest = [Number.MAX_VALUE, ''] as const;

/** Small documents of surfaces. */
export class DocumentTable {
  readonly #get: Statement<DocumentRow>;
  readonly #ofKind: Statement<DocumentRow>;
  readonly #ofTenant: Statement<DocumentRow>;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #delete: Statement;
  readonly #expired: Statement<DocumentRow>;

  constructor(database: DatabaseSync) {
    const before = '(created_at, id) < (?, ?) order by created_at desc, id desc limit ?';
    this.#get = new Statement(database, `select ${columns} where kind = ? and id = ?`);
    this.#ofKind = new Statement(database, `select ${columns} where kind = ? and ${before}`);
    this.#ofTenant = new Statement(database, `select ${columns} where kind = ? and tenant = ? and ${before}`);
    this.#insert = new Statement(
      database,
      `insert into documents (tenant, created_at, expires_at, data, kind, id, version)
       values (?, ?, ?, ?, ?, ?, 1) on conflict do nothing`,
    );
    this.#update = new Statement(
      database,
      `update documents set tenant = ?, created_at = ?, expires_at = ?, data = ?, version = version + 1
       where kind = ? and id = ? and version = ?`,
    );
    this.#delete = new Statement(database, 'delete from documents where kind = ? and id = ?');
    this.#expired = new Statement(
      database,
      `select ${columns} where expires_at <= ? order by expires_at, kind, id limit ?`,
    );
  }

  get(kind: string, id: string): StoredDocument | null {
    const row = this.#get.first(kind, id);
    return row ? documentOf(row) : null;
  }

  list({ kind, tenant, after, limit }: DocumentQuery): StoredDocument[] {
    const last = after === undefined ? undefined : this.#get.first(kind, after);
    if (after !== undefined && !last) return [];
    const end = last ? ([last.createdAtMs, last.id] as const) : newest;
    const rows =
      tenant === null
        ? this.#ofKind.all(kind, ...end, limit)
        : this.#ofTenant.all(kind, tenant, ...end, limit);
    return rows.map(documentOf);
  }

  put(document: PackedDocument, expected: number): boolean {
    const { kind, id, tenant, createdAtMs, expiresAtMs, data } = document;
    const values = [tenant, createdAtMs, expiresAtMs, data, kind, id];
    const changes = expected === 0 ? this.#insert.run(...values) : this.#update.run(...values, expected);
    return changes > 0;
  }

  delete(kind: string, id: string): boolean {
    return this.#delete.run(kind, id) > 0;
  }

  expired(nowMs: number, limit: number): StoredDocument[] {
    return this.#expired.all(nowMs, limit).map(documentOf);
  }
}

function documentOf(row: DocumentRow): StoredDocument {
  return { ...row, data: JSON.parse(row.data) };
}
