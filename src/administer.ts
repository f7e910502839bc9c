import type { CredentialRegister } from './auth/credentials.ts'
import type { Config } from './config.ts'
import { createCredentialRegister } from './db/credentials.ts'
import { openDatabase } from './db/database.ts'
import { hasTable } from './db/migrate.ts'
import { setUp } from './set-up.ts'

/** What commands administer. */
export interface Administration {
  readonly credentials: CredentialRegister
  /** Lets go of the database. */
  close(): Promise<void>
}

/**
 * Opens the database for a command. Where the tables that it needs are not there, since the service was never
 * started, they and the organizations are made as at its start.
 *
 * @throws FolderInUse If another process has the embedded database open
 * @throws ServiceError `database.unreachable`
 */
export async function administer(config: Config): Promise<Administration> {
  const database = await openDatabase(config.database)
  try {
    if (!(await hasTable(database.knex, 'credentials'))) await setUp(config, database)
  } catch (error) {
    await database.close()
    throw error
  }
  return {
    credentials: createCredentialRegister(database.knex),
    close: () => database.close(),
  }
}
