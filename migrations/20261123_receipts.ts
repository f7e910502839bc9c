import type { Knex } from 'knex'

// What is kept of an import. Its rows are in chunks, one for each batch, written in the transaction that stores the
// batch's users. `answer` is the text of the rows as CSV and no text column, since a cell of a refused row may
// hold NUL; `notes` is what CSV leaves out.
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table imports (
      organization_id integer not null,
      id text collate "C" not null,
      state text not null default 'running',
      reason_code text,
      reason text,
      mode text not null,
      refused boolean not null default false,
      stop_requested boolean not null default false,
      caller text collate "C" not null,
      caller_email text,
      file_name text,
      idempotency_key text collate "C",
      request text not null,
      form text not null,
      upload_bytes bigint,
      upload_digest text,
      answer_digest text,
      created integer not null default 0,
      updated integer not null default 0,
      unchanged integer not null default 0,
      invalid integer not null default 0,
      skipped integer not null default 0,
      chunks integer not null default 0,
      result_bytes bigint not null default 0,
      process_id text collate "C" not null,
      created_at timestamptz not null default clock_timestamp(),
      ended_at timestamptz,
      erased_at timestamptz,
      primary key (organization_id, id)
    ) with (fillfactor = 50)`)
  await knex.raw(`create index imports_history on imports (organization_id, created_at, id)`)
  await knex.raw(
    `create index imports_history_of_caller on imports (organization_id, caller, created_at, id)`,
  )
  await knex.raw(`
    create index imports_kept on imports (organization_id, created_at, id) where erased_at is null`)
  await knex.raw(`create index imports_running on imports (organization_id, id) where state = 'running'`)
  // An aborted import frees its key.
  await knex.raw(`
    create unique index imports_key on imports (organization_id, caller, idempotency_key)
      where idempotency_key is not null and state <> 'aborted'`)
  await knex.raw(`
    create index imports_by_key on imports (organization_id, idempotency_key)
      where idempotency_key is not null`)
  await knex.raw(`
    create table import_chunks (
      organization_id integer not null,
      import_id text collate "C" not null,
      number integer not null,
      first_row integer not null,
      answer bytea not null,
      notes bytea not null,
      primary key (organization_id, import_id, number)
    )`)
  await compressWell(knex)
  // The processes of the service that are alive, and the session of the database by which others can tell.
  await knex.raw(`
    create table processes (
      id text collate "C" primary key,
      backend integer not null,
      backend_start timestamptz not null,
      seen_at timestamptz not null
    )`)
}

/** lz4 costs a batch a third of what PostgreSQL's own compression does; not every build has it. */
async function compressWell(knex: Knex): Promise<void> {
  await knex.raw(`
    do $$ begin
      alter table import_chunks alter column answer set compression lz4, alter column notes set compression lz4;
    exception when feature_not_supported then null;
    end $$`)
}
