import type { Knex } from 'knex'
import * as organizations from '../../migrations/20261122_organizations.ts'
import * as users from '../../migrations/20261122_users.ts'
import * as receipts from '../../migrations/20261123_receipts.ts'
import * as letters from '../../migrations/20261124_letters.ts'
import { asServiceError } from './trouble.ts'

interface Migration {
  readonly name: string
  readonly up: (knex: Knex) => Promise<void>
}

const migrations: readonly Migration[] = [
  { name: '20261122_organizations', ...organizations },
  { name: '20261122_users', ...users },
  { name: '20261123_receipts', ...receipts },
  { name: '20261124_letters', ...letters },
]

// Forward only: a mistake is mended by the next migration.
const down = (): Promise<void> => Promise.reject(new Error('Migrations go forward only.'))

const migrationSource: Knex.MigrationSource<Migration> = {
  getMigrations: () => Promise.resolve([...migrations]),
  getMigrationName: ({ name }) => name,
  getMigration: ({ up }) => Promise.resolve({ up, down }),
}

// Any number that nothing else in the database locks: the bytes of "roll".
const MIGRATION_LOCK = 0x726f6c6c

/**
 * Brings the tables up to date, in one transaction. Of several processes that start at once one migrates
 * and the others wait, and one that is killed leaves neither a half-made table nor a lock: knex's own lock
 * row, written in the same transaction, is rolled back with it.
 *
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function migrate(knex: Knex): Promise<void> {
  try {
    await knex.transaction(async (trx) => {
      await trx.raw('select pg_advisory_xact_lock(?::bigint)', [MIGRATION_LOCK])
      await trx.migrate.latest({ migrationSource })
    })
  } catch (error) {
    throw asServiceError(error)
  }
}
