import type { Knex } from 'knex'

// The outbox: who ends an import in the background inserts a row in the statement that ends it, and every worker's
// postman looks for rows that are due. All but the first four columns are the postman's.
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table letters (
      organization_id integer not null,
      import_id text collate "C" not null,
      kind text not null,
      recipient text not null,
      state text not null default 'waiting',
      message_id text,
      attempts integer not null default 0,
      created_at timestamptz not null default clock_timestamp(),
      next_attempt_at timestamptz not null default clock_timestamp(),
      sent_at timestamptz,
      failure_code text,
      failure text,
      primary key (organization_id, import_id, kind),
      check (kind in ('finished', 'stopped', 'failed')),
      check (state in ('waiting', 'sent', 'failed'))
    )`)
  await knex.raw(`create index letters_due on letters (next_attempt_at) where state = 'waiting'`)
}
