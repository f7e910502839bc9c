import type { Knex } from 'knex'

// What an import of members says of a new user beside the contract's columns. The default is a constant, so no row
// is rewritten, and whoever inserts users without these columns goes on doing so.
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table users
      add column recovery_email text,
      add column is_mfa_disabled boolean not null default false`)
}
