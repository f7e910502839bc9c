import type { RequestListener } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { TokenVerifier } from './auth/caller.ts'
import { createOwnIssuer, type OwnIssuer } from './auth/own-issuer.ts'
import { createTokenVerifier } from './auth/token-verifier.ts'
import type { Config } from './config.ts'
import { openDatabase, type Database, type DatabaseSettings } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { createOrganizationDirectory, makeOrganizations } from './db/organizations.ts'
import { ping } from './db/query.ts'
import { createUserDirectory } from './db/user-directory.ts'
import { createUserPages } from './db/user-pages.ts'
import { ServiceError } from './errors.ts'
import { createApp } from './http/app.ts'

/** The service, wired. */
export interface Parts {
  /** Answers requests. */
  readonly app: RequestListener
  /** The issuer of the service's own tokens, where it has no other. */
  readonly ownIssuer: OwnIssuer | undefined
  /**
   * Migrates the database and makes the organizations; until then imports are answered 503. It waits for a
   * database that can't be reached yet, and gives up with the error on everything else.
   */
  prepare(): Promise<void>
  /** From now on new imports are answered 503. */
  refuseNew(): void
  /** Lets go of the database. */
  close(): Promise<void>
}

// First rows are answered within milliseconds, the rest in batches that are cheap for the database.
const FIRST_BATCH = 50
const BATCH_PATIENCE = 200

/**
 * Wires the service together.
 *
 * @throws FolderInUse If another process has the embedded database open
 */
export async function compose(config: Config, log: Logger): Promise<Parts> {
  const database = await openDatabase(config.database)
  const { verifier, ownIssuer } = await issuerOf(config)
  let state: 'preparing' | 'open' | 'stopping' = 'preparing'
  const open = (): void => {
    if (state !== 'open') throw notOpen(state)
  }
  const app = createApp({
    log,
    open,
    ready: async () => {
      open()
      await Promise.all([ping(database.knex), verifier.ready()])
    },
    verifier,
    organizations: createOrganizationDirectory(database.knex),
    users: createUserDirectory(database.knex),
    userPages: createUserPages(database.knex),
    exportPage: database.largestBatch,
    portalDomain: config.portalDomain,
    trustedProxies: config.trustedProxies,
    allowedOrigins: config.allowedOrigins,
    maxUploadBytes: config.maxUploadBytes,
    maxRows: config.maxRows,
    batches: { first: FIRST_BATCH, largest: database.largestBatch, patience: BATCH_PATIENCE },
  })
  return {
    app,
    ownIssuer,
    prepare: async () => {
      await prepare(config, database, log, () => state === 'stopping')
      if (state === 'preparing') state = 'open'
    },
    refuseNew: () => {
      state = 'stopping'
    },
    close: () => database.close(),
  }
}

async function issuerOf({
  issuer,
}: Config): Promise<{ verifier: TokenVerifier; ownIssuer: OwnIssuer | undefined }> {
  if (issuer.kind === 'remote') return { verifier: createTokenVerifier(issuer), ownIssuer: undefined }
  const ownIssuer = await createOwnIssuer(issuer.dataDir)
  return { verifier: ownIssuer.verifier, ownIssuer }
}

function notOpen(state: 'preparing' | 'stopping'): ServiceError {
  const headers = { 'Retry-After': '5' }
  return state === 'stopping'
    ? new ServiceError('service.stopping', 'The service is stopping: try again in a moment.', { headers })
    : new ServiceError('database.unreachable', 'The database can not be reached yet: try again later.', {
        headers,
      })
}

const RETRY_MILLISECONDS = 1_000

async function prepare(
  config: Config,
  database: Database,
  log: Logger,
  stopping: () => boolean,
): Promise<void> {
  while (!stopping()) {
    try {
      await withMigrations(config, database, async (settingUp) => {
        await migrate(settingUp.knex)
      })
      await makeOrganizations(database.knex, config.organizations)
      return
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'database.unreachable')) throw error
      log.warn({ err: error.cause }, 'the database can not be reached yet')
      await setTimeout(RETRY_MILLISECONDS)
    }
  }
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
