import type { Knex } from 'knex'

// The contract's columns in its order, then the canonical keys, which Node computes: lower() would depend on
// the server's collation. Keys are compared byte by byte, and collate "C" makes that cheaper too.
// There is no foreign key to organizations: checked for every user it costs a fifth of storing him. Imports lock
// the organization's row instead, once a batch.
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table users (
      organization_id integer not null,
      id text collate "C" not null,
      slug text,
      provider_type text collate "C" not null default 'Provisioned',
      provider_id text collate "C",
      active boolean not null default true,
      status text not null default 'invited',
      email text not null,
      email_verified boolean not null default false,
      phone_number text,
      phone_number_verified boolean not null default false,
      name text,
      given_name text,
      family_name text,
      middle_name text,
      nick_name text,
      preferred_username text,
      profile text,
      picture text,
      website text,
      gender text,
      birthdate text,
      zoneinfo text,
      locale text,
      address_line1 text,
      address_line2 text,
      address_city text,
      address_state text,
      address_postal text,
      address_country text,
      roles text[] not null default '{organization_constituent}',
      slug_key text collate "C",
      email_key text collate "C" not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary key (organization_id, id)
    )`)
  await knex.raw(`
    create unique index users_slug on users (organization_id, slug_key) where slug_key is not null`)
  await knex.raw(`
    create unique index users_provider on users (organization_id, provider_type, provider_id)
      where provider_id is not null`)
  await knex.raw(`create unique index users_email on users (organization_id, email_key)`)
  await knex.raw(`
    create index users_owners on users (organization_id, id) where roles @> '{organization_owner}'`)
}
