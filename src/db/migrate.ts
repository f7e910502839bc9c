import type { Knex } from 'knex'
import * as organizations from '../../migrations/20261122_organizations.ts'
import * as users from '../../migrations/20261122_users.ts'
import * as receipts from '../../migrations/20261123_receipts.ts'
import * as credentials from '../../migrations/20261124_credentials.ts'
import * as jobs from '../../migrations/20261124_jobs.ts'
import * as letters from '../../migrations/20261124_letters.ts'
import * as memberColumns from '../../migrations/20261124_member_columns.ts'
import { RefusedStart } from '../errors.ts'
import { promptly } from './persevere.ts'
import { query } from './query.ts'
import { installQueue } from './queue.ts'
import { asServiceError } from './trouble.ts'

interface Migration {
  readonly name: string
  readonly up: (knex: Knex) => Promise<void>
}

const migrations: readonly Migration[] = [
  { name: '20261122_organizations', ...organizations },
  { name: '20261122_users', ...users },
  { name: '20261123_receipts', ...receipts },
  { name: '20261124_jobs', ...jobs },
  { name: '20261124_letters', ...letters },
  { name: '20261124_credentials', ...credentials },
  { name: '20261124_member_columns', ...memberColumns },
]

// Forward only: a mistake is mended by the next migration.
const down = (): Promise<void> => Promise.reject(new Error('Migrations go forward only.'))

const migrationSource: Knex.MigrationSource<Migration> = {
  getMigrations: () => Promise.resolve([...migrations]),
  getMigrationName: ({ name }) => name,
  getMigration: ({ up }) => Promise.resolve({ up, down }),
}

/**
 * Whether a table is there. It can be asked by a role that may use it and no more.
 *
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function hasTable(knex: Knex, table: string): Promise<boolean> {
  const [found] = await query<{ there: boolean }>(knex, 'select to_regclass(?::text) is not null as there', [
    table,
  ])
  return found?.there === true
}

// Any number that nothing else in the database locks: the bytes of "roll".
const MIGRATION_LOCK = 0x726f6c6c

/** The tables are those of a later version. Its message is for people. */
export class LaterTables extends RefusedStart {
  override readonly name = 'LaterTables'
}

/**
 * Brings the tables up to date, in one transaction. Of several processes that start at once one migrates
 * and the others wait, and one that is killed leaves neither a half-made table nor a lock: knex's own lock
 * row, written in the same transaction, is rolled back with it. The queue's tables are pg-boss's own affair. Where it
 * deadlocks with the imports of an earlier version that still runs beside it, it is tried again.
 *
 * @throws LaterTables If a later version has changed them: what this one would write there, nobody knows
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function migrate(knex: Knex): Promise<void> {
  await refuseLaterTables(knex)
  await promptly(() => migrateOnce(knex))
}

async function migrateOnce(knex: Knex): Promise<void> {
  try {
    await knex.transaction(async (trx) => {
      await trx.raw('select pg_advisory_xact_lock(?::bigint)', [MIGRATION_LOCK])
      await trx.migrate.latest({ migrationSource })
      await installQueue(trx)
    })
  } catch (error) {
    throw asServiceError(error)
  }
}

async function refuseLaterTables(knex: Knex): Promise<void> {
  if (!(await hasTable(knex, 'knex_migrations'))) return
  const done = await query<{ name: string }>(knex, 'select name from knex_migrations order by id')
  const later = done.filter(({ name }) => !migrations.some((migration) => migration.name === name))
  if (later.length === 0) return
  throw new LaterTables(
    `The database has the tables of a later version (${later.map(({ name }) => name).join(', ')}): start that version, ` +
      'or set DATABASE_URL or DATA_DIR to another database.',
  )
}
