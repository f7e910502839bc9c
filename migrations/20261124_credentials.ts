import type { Knex } from 'knex'

// Secrets of programs that call the service, as their SHA-256: they have 32 random bytes, so nobody finds one by trying.
// A credential is looked up by what it shows, before anybody knows its organization: the one index of an
// organization's own that does not begin with it. An organization's id may be given again, so its credentials go
// with it.
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table credentials (
      organization_id integer not null references organizations on delete cascade,
      id text collate "C" not null,
      kind text not null check (kind in ('application', 'basic')),
      role text not null,
      secret_sha256 bytea not null unique,
      contact text,
      created_at timestamptz not null default clock_timestamp(),
      expires_at timestamptz not null,
      revoked_at timestamptz,
      last_used_at timestamptz,
      primary key (organization_id, id)
    )`)
  // Wrong secrets per address, as rate-limiter-flexible counts them; `expire` is in milliseconds since 1970.
  await knex.raw(`
    create table wrong_attempts (
      key text collate "C" primary key,
      points integer not null default 0,
      expire bigint
    )`)
  await knex.raw(`create index wrong_attempts_expired on wrong_attempts (expire)`)
}
