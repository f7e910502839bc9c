import type { Config } from './config.ts'
import { openDatabase, type Database, type DatabaseSettings } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { makeOrganizations } from './db/organizations.ts'

/**
 * Makes the tables, and the organizations that are to exist.
 *
 * @throws LaterTables If a later version has changed the tables
 * @throws OrganizationConflict If an organization that is to exist is there under another id
 * @throws ServiceError `database.unreachable` If the database can't be reached
 */
export async function setUp(config: Config, database: Database): Promise<void> {
  await withMigrations(config, database, async (settingUp) => {
    await migrate(settingUp.knex)
  })
  await makeOrganizations(database.knex, config.organizations)
}

/** Tables may belong to a role of their own, which only migrations use. */
async function withMigrations(
  { database: settings }: Config,
  database: Database,
  use: (database: Database) => Promise<void>,
): Promise<void> {
  const own = settings.kind === 'postgres' && settings.migrationUrl !== settings.url
  if (!own) return use(database)
  const administering: DatabaseSettings = { kind: 'postgres', url: settings.migrationUrl }
  const opened = await openDatabase(administering)
  try {
    await use(opened)
  } finally {
    await opened.close()
  }
}
