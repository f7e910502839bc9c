import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { columns, creationColumns } from '../../src/users/columns.ts'
import { newPlace, openTestDatabase } from '../support/database.ts'

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

// what the contract says, not what the code does
const contractColumns = `id slug providerType providerId active status email emailVerified phoneNumber
  phoneNumberVerified name givenName familyName middleName nickName preferredUsername profile picture website gender
  birthdate zoneinfo locale addressLine1 addressLine2 addressCity addressState addressPostal addressCountry roles`
  .split(/\s+/)
  .map(snakeCase)

describe('the tables', () => {
  let database: Database

  const query = async (sql: string): Promise<Record<string, unknown>[]> => (await database.knex.raw(sql)).rows

  beforeAll(async () => {
    database = await openTestDatabase()
  })

  afterAll(async () => {
    await database.close()
  })

  it('have organization_id first in every primary key, unique index and foreign key', async () => {
    const indexes = await query(`
      select t.relname as table, i.relname as name, a.attname as first
        from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
        join pg_namespace n on n.oid = t.relnamespace
        left join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]
       where n.nspname = 'public' and (x.indisunique or x.indisprimary) and t.relname not like 'knex%'`)
    const keys = await query(`
      select t.relname as table, c.conname as name, a.attname as first
        from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
        join pg_attribute a on a.attrelid = t.oid and a.attnum = c.conkey[1]
       where n.nspname = 'public' and c.contype = 'f' and t.relname not like 'knex%'`)
    const astray = [...indexes, ...keys].filter(({ first }) => first !== 'organization_id')
    // A secret is looked up before its organization is known; addresses and processes are of no organization.
    expect(astray.map(({ table, first }) => `${String(table)}.${String(first)}`).sort()).toEqual([
      'credentials.secret_sha256',
      'organizations.slug',
      'processes.id',
      'wrong_attempts.key',
    ])
    expect(indexes.length).toBeGreaterThanOrEqual(9)
  })

  it('are logged, so that nothing weakens durability', async () => {
    const weak = await query(`
      select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'public' and relkind = 'r' and relpersistence <> 'p'`)
    expect(weak).toEqual([])
    expect(await query('show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }])
  })

  it('hold users in the contract’s columns in its order, with the organization, keys, stamps, and what members say', async () => {
    const found = await query(`
      select column_name from information_schema.columns
       where table_schema = 'public' and table_name = 'users' order by ordinal_position`)
    expect(found.map((each) => each['column_name'])).toEqual([
      'organization_id',
      ...contractColumns,
      'slug_key',
      'email_key',
      'created_at',
      'updated_at',
      'recovery_email',
      'is_mfa_disabled',
    ])
    expect(creationColumns.map(({ database: name }) => name)).toEqual(['recovery_email', 'is_mfa_disabled'])
    expect(columns.map(({ database: name }) => name)).toEqual(contractColumns)
  })

  it('are left as they are by a second migration', async () => {
    const schema = () =>
      query(
        `select table_name, column_name, data_type from information_schema.columns where table_schema = 'public' order by 1, 2`,
      )
    const before = await schema()
    await database.knex.raw(`insert into organizations (slug) values ('kept')`)
    await migrate(database.knex)
    expect(await schema()).toEqual(before)
    expect(await query(`select slug from organizations where slug = 'kept'`)).toHaveLength(1)
  })
})

const onServer = process.env['TEST_DATABASE_URL'] ? it : it.skip

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))
const migrations = readdirSync(folder)
  .map((file) => file.replace(/\.ts$/, ''))
  .sort()

describe('several processes that start at once', () => {
  onServer('migrate once', async () => {
    const place = await newPlace()
    const databases = await Promise.all(Array.from({ length: 4 }, () => openDatabase(place.settings)))
    try {
      await Promise.all(databases.map(({ knex }) => migrate(knex)))
      const run = await databases[0]!.knex('knex_migrations').orderBy('name').pluck<string[]>('name')
      expect(run).toEqual(migrations)
    } finally {
      await Promise.all(databases.map((each) => each.close()))
      await place.remove()
    }
  })
})
