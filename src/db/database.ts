import knex, { type Knex } from 'knex'

/** Where the database is. */
export type DatabaseSettings =
  | { readonly kind: 'embedded'; readonly dataDir: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** An open database. */
export interface Database {
  readonly knex: Knex
  /** A connection that is for nothing but to show that this process lives; the same one where there is one only. */
  readonly heartbeat: Knex
  /** Whether no other process can have it open. */
  readonly isOurs: boolean
  /** Rows in the largest batch that the database takes without keeping others waiting. */
  readonly largestBatch: number
  /** Ends all connections; the embedded database is stopped. */
  close(): Promise<void>
}

// Whoever can't have a connection within this time is told so, rather than left to wait.
const PATIENCE = 5_000

// What knex would print itself is thrown as well, and logged by whoever catches it.
const nothing = (): void => undefined
const silent = { warn: nothing, error: nothing, deprecate: nothing, debug: nothing }

/**
 * Opens the database. A PostgreSQL server is connected to when it is first needed, so that the service can
 * start before it.
 *
 * @throws FolderInUse If another process has the embedded database open
 */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  if (settings.kind === 'embedded') {
    // Whoever has a server of his own need not load a database into memory.
    const { openEmbedded } = await import('./embedded.ts')
    const embedded = await openEmbedded(settings.dataDir)
    return { ...embedded, heartbeat: embedded.knex, isOurs: true, largestBatch: 500 }
  }
  const pool = openPool(settings.url, 10)
  const heartbeat = openPool(settings.url, 1)
  const close = async (): Promise<void> => {
    await pool.destroy()
    await heartbeat.destroy()
  }
  return { knex: pool, heartbeat, isOurs: false, largestBatch: 1_000, close }
}

function openPool(url: string, max: number): Knex {
  return knex({
    client: 'pg',
    connection: {
      connectionString: url,
      connectionTimeoutMillis: PATIENCE,
      application_name: 'rollcall',
      keepAlive: true,
    },
    pool: { min: 0, max },
    acquireConnectionTimeout: PATIENCE,
    log: silent,
  })
}
