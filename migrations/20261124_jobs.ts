import type { Knex } from 'knex'

// What makes an import one that happens later: what its worker needs to know, and the bytes that were sent. The
// queue's own tables are pg-boss's; see `src/db/queue.ts`.
export async function up(knex: Knex): Promise<void> {
  // A streamed import has the fence 0 and was never claimed; each worker that takes a job raises it. No default is one
  // that would have every row written anew.
  await knex.raw(`
    alter table imports
      add column kind text not null default 'users',
      add column fence integer not null default 0,
      add column claimed_at timestamptz,
      alter column process_id drop not null`)
  await knex.raw(`
    create table import_jobs (
      organization_id integer not null,
      import_id text collate "C" not null,
      recipient text not null,
      instructions text not null,
      rows_total integer,
      attempts integer not null default 0,
      chunks_at_claim integer not null default 0,
      trouble text,
      queued_at timestamptz,
      not_before timestamptz not null default clock_timestamp(),
      started_at timestamptz,
      primary key (organization_id, import_id)
    )`)
  await knex.raw(`
    create index imports_waiting on imports (organization_id, created_at, id) where state = 'waiting'`)
  // Jobs of an organization would only wait for each other; so none holds more than one worker.
  await knex.raw(`
    create unique index imports_one_job on imports (organization_id) where state = 'running' and fence > 0`)
  await knex.raw(`drop index imports_key`)
  await knex.raw(`
    create unique index imports_key on imports (organization_id, caller, kind, idempotency_key)
      where idempotency_key is not null and state not in ('aborted', 'failed')`)
  await knex.raw(`
    create table import_payloads (
      organization_id integer not null,
      import_id text collate "C" not null,
      number integer not null,
      bytes bytea not null,
      primary key (organization_id, import_id, number)
    )`)
  await knex.raw(`
    do $$ begin
      alter table import_payloads alter column bytes set compression lz4;
    exception when feature_not_supported then null;
    end $$`)
}
