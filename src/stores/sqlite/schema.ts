/** "PLjb": tells a store's file from any other SQLite database. */
export const applicationId = 0x50_4c_6a_62;

/** Raised with each change of the tables below; a file of another version is refused. */
export const schemaVersion = 1;

/**
 * A job is one row: its record as JSON, with what lists are made of beside it. `n` is what other tables know it by. Bytes have
 * the key 2n (input) and 2n + 1 (output), in a table of their own, so that a change of the job does not write them again.
 * `counts` is written in the same transaction as what it counts: scope `model` or `group` by state, `queue` by rank.
 */
export const schema = `
create table jobs (
  n integer primary key,
  id text not null unique,
  version integer not null,
  tenant text not null,
  surface text not null,
  model text not null,
  state text not null,
  rank integer not null,
  created_at real not null,
  group_id text,
  group_index integer,
  idempotency_key text,
  queue_rank integer,
  queued_at real not null,
  due_at real,
  record text not null
) strict;
create index jobs_queue on jobs (model, queue_rank, queued_at, id) where queue_rank is not null;
create index jobs_due on jobs (due_at, id) where due_at is not null;
create index jobs_list on jobs (tenant, created_at, id, surface, model, state);
create index jobs_group on jobs (group_id, group_index, id) where group_id is not null;
create unique index jobs_idempotency on jobs (idempotency_key) where idempotency_key is not null;
create table bodies (k integer primary key, bytes blob not null) strict;
create table events (
  job integer not null,
  seq integer not null,
  at real not null,
  type text not null,
  data text not null,
  primary key (job, seq)
) strict, without rowid;
create table deliveries (
  id text not null primary key,
  job integer not null,
  event text not null,
  created_at real not null,
  due_at real not null,
  attempts integer not null
) strict;
create index deliveries_due on deliveries (due_at, id);
create index deliveries_job on deliveries (job);
create table documents (
  kind text not null,
  id text not null,
  version integer not null,
  tenant text not null,
  created_at real not null,
  expires_at real,
  data text not null,
  primary key (kind, id)
) strict;
create index documents_list on documents (kind, created_at, id);
create index documents_tenant on documents (kind, tenant, created_at, id);
create index documents_expiry on documents (expires_at, kind, id) where expires_at is not null;
create table counts (
  scope text not null,
  name text not null,
  part text not null,
  count integer not null,
  primary key (scope, name, part)
) strict, without rowid;
pragma application_id = ${applicationId};
pragma user_version = ${schemaVersion};
`;
