import knex from 'knex'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, type Database, type DatabaseSettings } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'

/** A place for a database of one test file's own, and what removes it. */
export interface Place {
  readonly settings: DatabaseSettings
  /** The variables that point the service to it. */
  readonly env: Readonly<Record<string, string>>
  remove(): Promise<void>
}

/**
 * A place on the server of TEST_DATABASE_URL, or in a temporary folder where there is none: there with its tables
 * already, see `template.js`.
 *
 * @param isEmpty - whether it has no tables, as before the first start; default: it may have them
 */
export async function newPlace(isEmpty = false): Promise<Place> {
  const server = process.env['TEST_DATABASE_URL']
  return server === undefined || server === '' ? folderPlace(isEmpty) : serverPlace(server)
}

async function folderPlace(isEmpty: boolean): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  const template = process.env['TEST_TEMPLATE']
  if (template !== undefined && !isEmpty) await cp(template, dataDir, { recursive: true })
  return {
    settings: { kind: 'embedded', dataDir },
    env: { DATA_DIR: dataDir },
    remove: () => rm(dataDir, { recursive: true, force: true }),
  }
}

async function serverPlace(server: string): Promise<Place> {
  const name = `rollcall_test_${randomBytes(6).toString('hex')}`
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  const administer = async (sql: string): Promise<void> => {
    const admin = knex({ client: 'pg', connection: server, pool: { min: 0, max: 1 } })
    await admin.raw(sql)
    await admin.destroy()
  }
  await administer(`create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    settings: { kind: 'postgres', url: url.href },
    env: { DATABASE_URL: url.href, DATA_DIR: dataDir },
    remove: async () => {
      await administer(`drop database if exists ${name} with (force)`)
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Opens a migrated database of its own; `close` removes it. */
export async function openTestDatabase(): Promise<Database> {
  const place = await newPlace()
  const database = await openDatabase(place.settings)
  await migrate(database.knex)
  return {
    ...database,
    close: async () => {
      await database.close()
      await place.remove()
    },
  }
}
