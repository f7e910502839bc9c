import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Database } from './db/database.ts'
import { createLetterImports } from './db/letter-imports.ts'
import { createOutbox } from './db/letters.ts'
import type { BatchSizes } from './import/batches.ts'
import type { JobStore } from './jobs/job.ts'
import { jobRunner } from './jobs/run-job.ts'
import { Worker } from './jobs/worker.ts'
import { createLogCarrier } from './mail/carrier.ts'
import type { LetterImport } from './mail/outbox.ts'
import { createPostman } from './mail/postman.ts'
import { createSmtpCarrier } from './mail/smtp.ts'
import type { ReceiptStore } from './receipts/receipt.ts'
import type { RunningImports } from './receipts/running-imports.ts'

/** What is done in the background: imports that nobody waits for, and the letters about them. */
export interface Background {
  start(): void
  /** There may be a job. */
  wake(): void
  /** Gives back what runs, after its batch, and sends no more letters. */
  stop(): Promise<void>
}

/** What the background is wired from. */
export interface BackgroundParts {
  readonly config: Config
  readonly log: Logger
  readonly database: Database
  readonly receipts: ReceiptStore
  readonly jobs: JobStore
  readonly running: RunningImports
  readonly batches: BatchSizes
}

// Each of another organization: one that has much to do leaves room for the others.
const JOBS_AT_ONCE = 4

// What a letter that is under way has to be taken in: broken off, it may come twice.
const LAST_LETTERS = 15_000
// What a batch that is under way has to be stored in.
const LAST_BATCHES = 4_000

/** Wires what is done in the background. */
export function composeBackground(parts: BackgroundParts): Background {
  const worker = workerOf(parts)
  const postman = postmanOf(parts)
  let stopping: Promise<unknown> | undefined
  return {
    start: () => {
      worker.start()
      postman.start()
    },
    wake: () => {
      worker.wake()
    },
    stop: async () => {
      // Who has stopped in time must not wait for the rest of it.
      const tooLate = setTimeout(LAST_BATCHES, undefined, { ref: false })
      stopping ??= Promise.all([Promise.race([worker.stop(), tooLate]), postman.stop(LAST_LETTERS)])
      await stopping
    },
  }
}

function workerOf({ log, receipts, jobs, running, batches }: BackgroundParts): Worker {
  const run = jobRunner({
    receipts,
    batches,
    onBegun: ({ id, organizationId, kind, chunks }) => {
      const what = chunks === 0 ? 'has begun' : 'goes on after its last batch'
      log.info(
        { import: id, organization: organizationId, kind, batches: chunks },
        `an import in the background ${what}`,
      )
    },
    onEnded: ({ id, organizationId }, reason) => {
      const what =
        reason === undefined ? 'is finished' : 'was given back, or has ended; its receipt says which'
      log.info({ import: id, organization: organizationId, reason }, `an import in the background ${what}`)
    },
    onFailure: (error, importId) => {
      log.error({ err: error, import: importId }, 'an import in the background failed')
    },
  })
  const onFailure = (error: unknown): void => {
    log.warn({ err: error }, 'no job could be claimed; it will be tried again')
  }
  return new Worker({ jobs, running, run, slots: JOBS_AT_ONCE, onFailure })
}

function postmanOf({ config, log, database: { knex } }: BackgroundParts) {
  const { mail, publicUrl } = config
  return createPostman({
    letters: createOutbox(knex),
    imports: createLetterImports(knex),
    carrier: mail === undefined ? createLogCarrier(log) : createSmtpCarrier(mail),
    domain: mail?.from.address.split('@')[1] ?? new URL(publicUrl).hostname,
    link: (about) => `${publicUrl}${pathOf(about)}`,
    log,
  })
}

/** Where the receipt of an import is found, and of no other that its caller may give the same id. */
function pathOf({ importKind, organizationId, importId }: LetterImport): string {
  return importKind === 'users'
    ? `/api/import/organization/users/${importId}`
    : `/v1/organizations/${organizationId}/members/import/${importId}`
}
