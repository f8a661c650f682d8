import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { applicationId, schema, schemaVersion } from './schema.ts';

/**
 * Settings of the file: a bound on the pages in memory, so that rows cost disk; and a log that is brought into the file each 16 MiB,
 * which at a quarter of that costs a third of the commits in a second.
 */
const pragmas = `
pragma locking_mode = exclusive;
pragma journal_mode = wal;
pragma synchronous = full;
pragma cache_size = -8192;
pragma wal_autocheckpoint = 4096; pragma wal_autocheckpoint = 4000; pragma wal_autocheckpoint = 1000;
pragma cell_size_check = on;
pragma journal_size_limit = 33554432;
pragma temp_store = memory;
`;

/** Up to this size all pages are checked when it is opened (0.1 s), beyond it those of the lists. */
const wholeCheckBytes = 33_554_432;

/** Each walks one index whole, which is a tenth of the file or less. */
const walks = [
  'select count(*) from jobs indexed by jobs_queue where queue_rank is not null',
  'select count(*) from jobs indexed by jobs_due where due_at is not null',
  'select count(*) from jobs indexed by jobs_list',
  'select count(*) from documents indexed by documents_list',
  'select count(*) from deliveries indexed by deliveries_due',
  'select count(*) from counts',
];

/** How long a process that is just ending may still hold the file. */
const lockTimeoutMs = 1_000;

export interface StoreFile {
  readonly file: string;
  /** Pages of 4 KiB the file may have; null: as many as the disk holds. */
  readonly maxPages: number | null;
}

/**
 * Opens a store's file, makes it where it is not there (0600, its folder 0700), and holds it alone until it is closed.
 * Throws SQLite's error where that fails, and an Error that says why where the file is not one of this version.
 */
export function openFile({ file, maxPages }: StoreFile): DatabaseSync {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  makeFile(file);
  const database = new DatabaseSync(file, { timeout: lockTimeoutMs, enableForeignKeyConstraints: false });
  try {
    database.exec(pragmas);
    if (maxPages !== null) database.exec(`pragma max_page_count = ${maxPages}`);
    database.exec('begin immediate');
    if (isEmpty(database)) database.exec(schema);
    else checkFile(database);
    database.exec('commit');
  } catch (error) {
    database.close();
    throw error;
  }
  syncFolder(folder);
  return database;
}

/**
 * For its owner alone, as SQLite would not make it. One that is there is not touched: to close it would end the locks that this
 * process has on it.
 */
function makeFile(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, 'wx', 0o600));
}

function isEmpty(database: DatabaseSync): boolean {
  return (
    pragma(database, 'application_id') === 0 &&
    database.prepare('select 1 from sqlite_schema').get() === undefined
  );
}

function checkFile(database: DatabaseSync): void {
  if (pragma(database, 'application_id') !== applicationId)
    throw new Error('it is the SQLite database of something else');
  const version = pragma(database, 'user_version');
  if (version !== schemaVersion)
    throw new Error(`its tables have version ${version}, and this release reads version ${schemaVersion}`);
  const bytes = Number(pragma(database, 'page_count')) * Number(pragma(database, 'page_size'));
  if (bytes > wholeCheckBytes) for (const sql of walks) database.prepare(sql).get();
  else checkPages(database);
}

function checkPages(database: DatabaseSync): void {
  const finding = pragma(database, 'quick_check(1)');
  if (finding !== 'ok') throw new Error(`it is damaged: ${finding}`);
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0];
}

/** The file's name outlives a power cut, too. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
