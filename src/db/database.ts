import knex, { type Knex } from 'knex'
import { silent } from './knex-log.ts'
import { CONNECT_PATIENCE, serverDialect } from './server-dialect.ts'

/** Where the database is. */
export type DatabaseSettings =
  | { readonly kind: 'embedded'; readonly dataDir: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** An open database. */
export interface Database {
  readonly knex: Knex
  /**
   * One more connection, for what must be said in time even where all others are taken, and by whose session others
   * see that this process lives. The embedded database has but one, so there it is the same.
   */
  readonly heartbeat: Knex
  /** Whether no other process can have it open. */
  readonly isOurs: boolean
  /** Rows in the largest batch that the database takes without keeping others waiting. */
  readonly largestBatch: number
  /** Ends all connections; the embedded database is stopped. */
  close(): Promise<void>
}

// After this much silence the system asks the other side every second whether it is there, ten times.
const KEEP_ALIVE = 10_000

/**
 * Opens the database. A PostgreSQL server is connected to when it is first needed, so that the service can
 * start before it. Whoever can't have a connection to it within 5 s is told so, rather than left to wait, and no
 * statement waits for ever for one that has stalled: see `watchdog.ts`.
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
  const connection = {
    connectionString: settings.url,
    connectionTimeoutMillis: CONNECT_PATIENCE,
    application_name: 'rollcall',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE,
  }
  const shared = {
    client: serverDialect(connection),
    connection,
    // The oldest that is supported; knex would ask, on a connection that nobody watches yet.
    version: '14',
    acquireConnectionTimeout: CONNECT_PATIENCE,
    // The values of a statement are personal data and would stand in the messages of errors.
    compileSqlOnError: false,
    log: silent,
  }
  const pool = knex({ ...shared, pool: { min: 0, max: 10 } })
  // Its session is what tells that this process lives: it is not given up for a pause.
  const heartbeat = knex({ ...shared, pool: { min: 0, max: 1, idleTimeoutMillis: 600_000 } })
  const close = async (): Promise<void> => {
    await Promise.all([pool.destroy(), heartbeat.destroy()])
  }
  return { knex: pool, heartbeat, isOurs: false, largestBatch: 1_000, close }
}
