import { ServiceError } from '../errors.ts'
import type { BatchSizes } from '../import/batches.ts'
import { abortReason, runImport } from '../import/run-import.ts'
import type { RunParts } from '../import/run-parts.ts'
import { Spool } from '../import/spool.ts'
import { storedChunks } from '../receipts/follow.ts'
import type { ImportKind, Receipt, ReceiptStore, UploadDigest } from '../receipts/receipt.ts'
import { csvOptions, csvRows, csvRun, type CsvInstructions } from './csv-run.ts'
import type { Job } from './job.ts'
import { memberRows, membersRun, type MemberInstructions } from './members-run.ts'
import type { Run } from './run.ts'

/** What is needed to run jobs. */
export interface JobRunnerParts {
  readonly receipts: ReceiptStore
  readonly batches: BatchSizes
  readonly onBegun: (receipt: Receipt) => void
  /** Hears how a run has ended; the reason is the code of what cut it off. */
  readonly onEnded: (receipt: Receipt, reason: string | undefined) => void
  /** Hears of failures that are nobody's fault but ours, and of ends that could not be written. */
  readonly onFailure: (error: unknown, importId: string) => void
}

/** Makes what runs a job until its receipt's last word, or until it has to be given back. */
export function jobRunner(parts: JobRunnerParts): (job: Job) => Promise<void> {
  return async (job) => {
    const near = job.receipt.mode === 'each' ? undefined : new NearPayload(job)
    const ours = (error: unknown): void => {
      parts.onFailure(error, job.receipt.id)
    }
    const failed = (error: unknown): void => {
      if (!(error instanceof ServiceError)) ours(error)
      parts.onEnded(job.receipt, abortReason(error).code)
    }
    const finished = (): void => {
      parts.onEnded(job.receipt, undefined)
    }
    parts.onBegun(job.receipt)
    try {
      const run = runParts(job, near, parts)
      const unwritten = await runImport(run, { stored: nothing, finished, failed })
      if (unwritten !== undefined) ours(unwritten)
    } catch (error) {
      // What is kept of it makes no sense; whoever looks at it next may be of another version.
      failed(error)
      await job.writer.abort(abortReason(error)).catch(ours)
    } finally {
      await near?.close().catch(ours)
    }
  }
}

/**
 * The payload of an import that is run as a whole, in a temporary file: while its transaction lasts it must not wait for
 * another connection to the database, of which an embedded one has no other.
 */
class NearPayload {
  readonly #job: Job
  #spool: Spool | undefined

  constructor(job: Job) {
    this.#job = job
  }

  /** Fetches it. */
  async fetch(): Promise<void> {
    this.#spool = await Spool.open()
    for await (const piece of this.#job.payload()) await this.#spool.write(piece)
  }

  async *read(): AsyncGenerator<Buffer> {
    if (this.#spool === undefined) throw new RangeError('the payload was not fetched')
    yield* this.#spool.read()
  }

  async close(): Promise<void> {
    await this.#spool?.close()
  }
}

const nothing = (): void => undefined

function runParts(job: Job, near: NearPayload | undefined, { batches, receipts }: JobRunnerParts): RunParts {
  const { receipt, writer } = job
  const { kind, mode, form, upload: digest, chunks } = receipt
  if (digest === undefined) throw new RangeError('a job is queued when its upload has come')
  const { rows, run } = kinds[kind](job.instructions, digest)
  const received = async (): Promise<UploadDigest> => {
    await near?.fetch()
    return digest
  }
  return run({
    mode,
    form,
    upload: { rows: rows(job.payload()), again: () => rows(near?.read() ?? job.payload()), received },
    receipt: writer,
    batches,
    stored: mode === 'each' && chunks > 0 ? storedChunks(receipts, receipt, chunks) : undefined,
  })
}

/** How imports of each kind read their payload, and what their rows mean. */
interface HowToRun {
  readonly rows: (payload: AsyncIterable<Buffer>) => RunParts['upload']['rows']
  readonly run: (run: Run) => RunParts
}

const kinds: Readonly<Record<ImportKind, (instructions: string, upload: UploadDigest) => HowToRun>> = {
  users: (instructions, { bytes }) => {
    const csv = JSON.parse(instructions) as CsvInstructions
    return {
      rows: (payload) => csvRows(whole(payload, bytes), csvOptions(csv)),
      run: (run) => csvRun(csv, run),
    }
  },
  members: (instructions) => {
    const members = JSON.parse(instructions) as MemberInstructions
    return { rows: memberRows, run: (run) => membersRun(members, run) }
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
