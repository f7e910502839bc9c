import { ServiceError } from '../errors.ts'
import type { BatchSizes } from '../import/batches.ts'
import { abortReason, runImport } from '../import/run-import.ts'
import type { RunParts } from '../import/run-parts.ts'
import { PieceSpool, Spool } from '../import/spool.ts'
import { storedChunks } from '../receipts/follow.ts'
import type { ImportKind, ReceiptStore, UploadDigest } from '../receipts/receipt.ts'
import { csvOptions, csvRows, csvRun, type CsvInstructions, type Run } from './csv-run.ts'
import type { Job } from './job.ts'
import { memberRows, membersRun, type MemberInstructions } from './members-run.ts'

/** What is needed to run jobs. */
export interface JobRunnerParts {
  readonly receipts: ReceiptStore
  readonly batches: BatchSizes
  /** Hears of failures that are nobody's fault but ours, and of ends that could not be written. */
  readonly onFailure: (error: unknown, importId: string) => void
}

/**
 * Makes what runs a job until its receipt's last word, or until it has to be given back. It never rejects: what goes
 * wrong stands in the receipt.
 */
export function jobRunner(parts: JobRunnerParts): (job: Job) => Promise<void> {
  return async (job) => {
    const { id } = job.receipt
    const failed = (error: unknown): void => {
      if (!(error instanceof ServiceError)) parts.onFailure(error, id)
    }
    const unwritten = await run(job, parts, failed)
    if (unwritten !== undefined) parts.onFailure(unwritten, id)
  }
}

const nothing = (): void => undefined

/** @returns the error of a last word that could not be written */
async function run(job: Job, parts: JobRunnerParts, failed: (error: unknown) => void): Promise<unknown> {
  let payload: Payload | undefined
  try {
    payload = await payloadOf(job)
    return await runImport(runParts(job, payload, parts), { stored: nothing, finished: nothing, failed })
  } catch (error) {
    return await giveUp(job, error, failed)
  } finally {
    await payload?.close()
  }
}

/** Ends the attempt at a job that could not even begin. */
async function giveUp({ writer }: Job, error: unknown, failed: (error: unknown) => void): Promise<unknown> {
  const cause: unknown = writer.signal.aborted ? writer.signal.reason : error
  failed(cause)
  try {
    await writer.abort(abortReason(cause))
    return undefined
  } catch (failure) {
    return failure
  }
}

/** What was sent, to be read as often as needed. */
interface Payload {
  read(): AsyncIterable<Buffer>
  close(): Promise<void>
}

/**
 * What is imported in one transaction is read from a temporary file: the transaction may have the only connection to
 * the database.
 */
async function payloadOf({ receipt, payload, writer }: Job): Promise<Payload> {
  if (receipt.mode === 'each') return { read: payload, close: () => Promise.resolve() }
  const spool = new PieceSpool(await Spool.open())
  try {
    for await (const piece of payload()) {
      writer.signal.throwIfAborted()
      await spool.write(piece)
    }
    return spool
  } catch (error) {
    await spool.close()
    throw error
  }
}

function runParts({ receipt, instructions, writer }: Job, payload: Payload, parts: JobRunnerParts): RunParts {
  const { kind, mode, form, upload: received, chunks } = receipt
  if (received === undefined) throw new RangeError('a job is queued when its upload has come')
  const { rows, run } = kinds[kind]({ instructions, received, payload })
  return run({
    mode,
    form,
    upload: { rows: rows(), again: rows, received: () => Promise.resolve(received) },
    receipt: writer,
    batches: parts.batches,
    stored: mode === 'each' && chunks > 0 ? storedChunks(parts.receipts, receipt, chunks) : undefined,
  })
}

/** What an import is read from. */
interface Sent {
  readonly instructions: string
  readonly received: UploadDigest
  readonly payload: Payload
}

/** How imports of each kind read their payload, and what their rows mean. */
interface HowToRun {
  readonly rows: () => RunParts['upload']['rows']
  readonly run: (run: Run) => RunParts
}

const kinds: Readonly<Record<ImportKind, (sent: Sent) => HowToRun>> = {
  users: ({ instructions, received, payload }) => {
    const csv = JSON.parse(instructions) as CsvInstructions
    const file = (): AsyncIterable<Buffer> => whole(payload.read(), received.bytes)
    return { rows: () => csvRows(file(), csvOptions(csv)), run: (run) => csvRun(csv, run) }
  },
  members: ({ instructions, payload }) => {
    const members = JSON.parse(instructions) as MemberInstructions
    return { rows: () => memberRows(payload.read()), run: (run) => membersRun(members, run) }
  },
}

/** A file that ends early would pass for a shorter one. @throws RangeError If it has not as many bytes as were sent */
async function* whole(file: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let read = 0
  for await (const piece of file) {
    read += piece.length
    yield piece
  }
  if (read !== bytes) throw new RangeError(`the payload has ${read} bytes of ${bytes}`)
}
