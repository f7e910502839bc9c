import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import knex, { type Knex } from 'knex'
import PostgresDialect from 'knex/lib/dialects/postgres/index.js'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import pg from 'pg'
import { lockFolder } from './folder-lock.ts'
import { silent } from './knex-log.ts'

/** Knex's own PostgreSQL dialect, and pg's own client, over the connection that PGlite ships. */
function dialectOver(pglite: PGlite): typeof PostgresDialect {
  return class EmbeddedDialect extends PostgresDialect {
    override async _acquireOnlyConnection() {
      const connection = new pg.Client(createPgConfig(pglite))
      await connection.connect()
      return connection
    }

    override async _query(connection: pg.Client, query: unknown) {
      // PGlite answers in microtasks: without a turn of the event loop between two queries, requests starve.
      await setImmediate()
      return super._query(connection, query)
    }
  }
}

/**
 * Opens the embedded PostgreSQL in a folder, which it locks against every other process.
 *
 * @throws FolderInUse If another process has it open
 */
export async function openEmbedded(dataDir: string): Promise<{ knex: Knex; close: () => Promise<void> }> {
  const folder = join(dataDir, 'postgres')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const unlock = lockFolder(folder)
  const pglite = await PGlite.create(folder)
  // PGlite has one session, so the pool has one connection.
  const database = knex({
    client: dialectOver(pglite),
    connection: {},
    pool: { min: 1, max: 1 },
    compileSqlOnError: false,
    log: silent,
  })
  const close = async (): Promise<void> => {
    await database.destroy()
    await pglite.close()
    unlock()
  }
  return { knex: database, close }
}
