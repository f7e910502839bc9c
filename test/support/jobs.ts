import type { Knex } from 'knex'
import { createHash } from 'node:crypto'
import type { JobStoreParts } from '../../src/db/claims.ts'
import { createJobStore } from '../../src/db/jobs.ts'
import { TurnQueue } from '../../src/db/queue.ts'
import { createReceiptStore } from '../../src/db/receipts.ts'
import type { CsvInstructions } from '../../src/jobs/csv-run.ts'
import type { Job, JobStore, WantedJob } from '../../src/jobs/job.ts'
import { jobRunner } from '../../src/jobs/run-job.ts'
import type { NewImport, Receipt, ReceiptStore, UploadDigest } from '../../src/receipts/receipt.ts'
import type { RunningImports } from '../../src/receipts/running-imports.ts'
import { newImport, plainForm, receiptParts } from './receipt-store.ts'

/** A process of the service as far as jobs go. */
export interface JobProcess {
  readonly processId: string
  readonly running: RunningImports
  readonly jobs: JobStore
  readonly receipts: ReceiptStore
  /** What went wrong in jobs that ran here. */
  readonly failures: unknown[]
  run(job: Job): Promise<void>
}

/** The jobs of a database, as a process sees them, without a limit that a test would meet. */
export function jobProcess(knex: Knex, more: Partial<JobStoreParts> = {}, batch = 2): JobProcess {
  const own = { queue: new TurnQueue(knex), onUnclaimed: () => undefined }
  const parts: JobStoreParts = { ...receiptParts(knex), ...own, ...more }
  const receipts = createReceiptStore(parts)
  const failures: unknown[] = []
  const run = jobRunner({
    receipts,
    batches: { first: batch, largest: batch, patience: 60_000 },
    onBegun: () => undefined,
    onEnded: () => undefined,
    onFailure: (error) => failures.push(error),
  })
  return {
    processId: parts.processId,
    running: parts.running,
    jobs: createJobStore(parts),
    receipts,
    failures,
    run,
  }
}

export const csvOf = (...slugs: readonly string[]): string =>
  `email,givenName\n${slugs.map((slug) => `${slug}@example.com,${slug}\n`).join('')}`

const instructions: CsvInstructions = {
  importer: { role: 'organization_owner', subject: 'nobody', emailKey: undefined },
  reading: { today: '2026-11-24' },
  clearBlanks: false,
  csv: { columnMap: [], echoUnknown: false, inForm: false, maxBytes: 1_000_000, maxRows: 1_000 },
}

export interface JobOptions extends Partial<NewImport> {
  readonly limits?: Partial<CsvInstructions['csv']>
  /** In the place of those that the options say. */
  readonly instructions?: string
}

/** An import of a CSV file of the columns email and givenName, as the door hands it over. */
export function wantedCsv(organizationId: number, { limits, ...more }: JobOptions = {}): WantedJob {
  const told = { ...instructions, csv: { ...instructions.csv, ...limits } }
  return {
    ...newImport(organizationId, { form: plainForm, ...more }),
    job: {
      recipient: 'anna@example.org',
      instructions: more.instructions ?? JSON.stringify(told),
      rowsTotal: undefined,
    },
  }
}

/** @returns the id of the import */
export async function submitCsv(
  { jobs }: JobProcess,
  organizationId: number,
  csv: string,
  options: JobOptions = {},
): Promise<string> {
  const submitted = await jobs.submit(wantedCsv(organizationId, options), () => bytesOf(csv), digestOf(csv))
  return submitted.kind === 'new' ? submitted.id : submitted.receipt.id
}

// eslint-disable-next-line @typescript-eslint/require-await -- a payload comes as it comes
export async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text)
}

export const digestOf = (text: string): UploadDigest => ({
  bytes: Buffer.byteLength(text),
  sha256: createHash('sha256').update(text).digest('base64'),
})

/** Claims a job that must be there. */
export async function claimed({ jobs }: JobProcess): Promise<Job> {
  const job = await jobs.claim()
  if (job === undefined) throw new Error('There is no job')
  return job
}

/** Claims and runs until nothing waits that may be begun now. @returns the ids, in the order of their claims */
export async function runAll(process: JobProcess): Promise<string[]> {
  const ids: string[] = []
  for (let job; (job = await process.jobs.claim()) !== undefined;) {
    ids.push(job.receipt.id)
    await process.run(job)
  }
  return ids
}

/** The receipt of an import. */
export async function receiptIn(
  { receipts }: JobProcess,
  organizationId: number,
  id: string,
): Promise<Receipt> {
  const receipt = await receipts.again({ organizationId, id })
  if (receipt === undefined) throw new Error(`There is no import ${id}`)
  return receipt
}

/** The text of the result of an import so far, without its header. */
export async function resultIn(
  { receipts }: JobProcess,
  organizationId: number,
  id: string,
): Promise<string> {
  let text = ''
  for (let next = 0; ;) {
    const chunks = await receipts.chunks({ organizationId, id }, next)
    if (chunks.length === 0) return text
    text += chunks.map(({ answer }) => answer.toString()).join('')
    next += chunks.length
  }
}

/** What is left of a job beside its receipt: pieces of its payload, and the kinds of its letters. */
export async function leftOf(knex: Knex, id: string): Promise<{ pieces: number; letters: string[] }> {
  const pieces = await knex('import_payloads').where({ import_id: id })
  const letters = await knex('letters').where({ import_id: id }).pluck<string[]>('kind')
  return { pieces: pieces.length, letters }
}

/** Forgets all that was imported, and all users. */
export async function forgetAll(knex: Knex): Promise<void> {
  const tables = ['imports', 'import_jobs', 'import_chunks', 'import_payloads', 'letters', 'users']
  for (const table of tables) await knex(table).delete()
}
