import { randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { TokenVerifier } from './auth/caller.ts'
import { createOwnIssuer, type OwnIssuer } from './auth/own-issuer.ts'
import { createTokenVerifier } from './auth/token-verifier.ts'
import { composeBackground } from './background.ts'
import type { Config } from './config.ts'
import { createAddressees } from './db/addressees.ts'
import { createCredentialDirectory } from './db/credentials.ts'
import { openDatabase, type Database } from './db/database.ts'
import { createJobStore } from './db/jobs.ts'
import { createOrganizationDirectory } from './db/organizations.ts'
import { ping } from './db/query.ts'
import { TurnQueue } from './db/queue.ts'
import { createReceiptStore } from './db/receipts.ts'
import { Turns } from './db/turns.ts'
import { Upkeep } from './db/upkeep.ts'
import { createUserPages } from './db/user-pages.ts'
import { createWrongAttempts } from './db/wrong-attempts.ts'
import { ServiceError } from './errors.ts'
import { createApp } from './http/app.ts'
import { RunningImports, stopping } from './receipts/running-imports.ts'
import { setUp } from './set-up.ts'

/** What a process does: it answers requests, it runs what was asked for in the background, or both. */
export type Duties = 'web' | 'worker' | 'both'

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
  /** Resolves when no import runs any more, with or without a client who waits for it; `patience` is in milliseconds. */
  ended(patience: number): Promise<void>
  /** Ends the imports that still run after their batches, and lets go of the database. */
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
export async function compose(config: Config, log: Logger, duties: Duties = 'both'): Promise<Parts> {
  const database = await openDatabase(config.database)
  const { verifier, ownIssuer } = await issuerOf(config)
  let state: 'preparing' | 'open' | 'stopping' = 'preparing'
  const open = (): void => {
    if (state !== 'open') throw notOpen(state)
  }
  const running = new RunningImports()
  const processId = randomUUID()
  const upkeep = new Upkeep({
    ...database,
    processId,
    running,
    alone: database.isOurs,
    keeping: { days: config.receiptDays, bytesPerOrganization: config.receiptBytes },
    onFailure: (error) => {
      log.warn({ err: error }, 'the upkeep of receipts failed; it will be tried again')
    },
  })
  const receiptParts = {
    knex: database.knex,
    processId,
    turns: new Turns(),
    running,
    maxImports: config.maxImports,
    maxImportsPerOrganization: config.maxImportsPerOrganization,
    maxWaitingBytes: config.receiptBytes,
    onTrouble: (error: unknown) => {
      log.warn({ err: error }, 'the database is in trouble; an import waits for it')
    },
  }
  const receipts = createReceiptStore(receiptParts)
  const jobs = createJobStore({
    ...receiptParts,
    queue: new TurnQueue(database.knex),
    onUnclaimed: (error, { organizationId, id }) => {
      log.error(
        { err: error, organization: organizationId, import: id },
        'an import in the background can not be begun; it will be tried again later',
      )
    },
  })
  const batches = { first: FIRST_BATCH, largest: database.largestBatch, patience: BATCH_PATIENCE }
  const background = composeBackground({ config, log, database, receipts, jobs, running, batches })
  const app = createApp({
    log,
    open,
    ready: async () => {
      open()
      await Promise.all([ping(database.knex), verifier.ready()])
    },
    verifier,
    organizations: createOrganizationDirectory(database.knex),
    receipts,
    jobs,
    onJob: () => {
      background.wake()
    },
    addressees: createAddressees(database.knex),
    credentials: createCredentialDirectory({
      knex: database.knex,
      onFailure: (error) => {
        log.warn({ err: error }, 'the last use of a credential could not be kept')
      },
    }),
    wrongAttempts: createWrongAttempts({
      knex: database.knex,
      onFailure: (error) => {
        log.warn({ err: error }, 'a wrong attempt could not be counted')
      },
    }),
    userPages: createUserPages(database.knex),
    exportPage: database.largestBatch,
    portalDomain: config.portalDomain,
    trustedProxies: config.trustedProxies,
    allowedOrigins: config.allowedOrigins,
    maxUploadBytes: config.maxUploadBytes,
    maxRows: config.maxRows,
    batches,
  })
  return {
    app,
    ownIssuer,
    prepare: async () => {
      await prepare(config, database, upkeep, log, () => state === 'stopping')
      if (state !== 'preparing') return
      state = 'open'
      if (duties !== 'web') background.start()
    },
    refuseNew: () => {
      state = 'stopping'
      void background.stop()
    },
    ended: async (patience) => {
      const letters = state === 'stopping' ? background.stop() : undefined
      await Promise.all([
        running.ended(patience),
        Promise.race([letters, setTimeout(patience, undefined, { ref: false })]),
      ])
    },
    close: async () => {
      running.stopAll()
      await Promise.all([running.ended(LAST_WORDS), background.stop()])
      await upkeep.stop()
      await database.close()
    },
  }
}

// What imports that are stopped have to finish their batches and to write that they were.
const LAST_WORDS = 4_000

async function issuerOf({
  issuer,
}: Config): Promise<{ verifier: TokenVerifier; ownIssuer: OwnIssuer | undefined }> {
  if (issuer.kind === 'remote') return { verifier: createTokenVerifier(issuer), ownIssuer: undefined }
  const ownIssuer = await createOwnIssuer(issuer.dataDir)
  return { verifier: ownIssuer.verifier, ownIssuer }
}

function notOpen(state: 'preparing' | 'stopping'): ServiceError {
  if (state === 'stopping') return stopping()
  return new ServiceError('database.unreachable', 'The database can not be reached yet: try again later.', {
    headers: { 'Retry-After': '5' },
  })
}

const RETRY_MILLISECONDS = 1_000

async function prepare(
  config: Config,
  database: Database,
  upkeep: Upkeep,
  log: Logger,
  isStopping: () => boolean,
): Promise<void> {
  while (!isStopping()) {
    try {
      await setUp(config, database)
      await upkeep.start()
      return
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'database.unreachable')) throw error
      log.warn({ err: error.cause }, 'the database can not be reached yet')
      await setTimeout(RETRY_MILLISECONDS)
    }
  }
}
