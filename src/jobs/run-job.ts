import { ServiceError } from '../errors.ts'
import type { BatchSizes } from '../import/batches.ts'
import { runImport } from '../import/run-import.ts'
import type { RunParts } from '../import/run-parts.ts'
import { storedChunks } from '../receipts/follow.ts'
import type { ImportKind, ReceiptStore } from '../receipts/receipt.ts'
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

/** Makes what runs a job until its receipt's last word, or until it has to be given back. */
export function jobRunner(parts: JobRunnerParts): (job: Job) => Promise<void> {
  return async (job) => {
    const { id } = job.receipt
    const unwritten = await runImport(runParts(job, parts), {
      stored: nothing,
      finished: nothing,
      failed: (error) => {
        if (!(error instanceof ServiceError)) parts.onFailure(error, id)
      },
    })
    if (unwritten !== undefined) parts.onFailure(unwritten, id)
  }
}

const nothing = (): void => undefined

function runParts(job: Job, { batches, receipts }: JobRunnerParts): RunParts {
  const { receipt, writer } = job
  const { kind, mode, form, upload: received, chunks } = receipt
  if (received === undefined) throw new RangeError('a job is queued when its upload has come')
  const { rows, run } = kinds[kind](job)
  return run({
    mode,
    form,
    upload: { rows: rows(), again: rows, received: () => Promise.resolve(received) },
    receipt: writer,
    batches,
    stored: mode === 'each' && chunks > 0 ? storedChunks(receipts, receipt, chunks) : undefined,
  })
}

/** How imports of each kind read their payload, and what their rows mean. */
interface HowToRun {
  readonly rows: () => RunParts['upload']['rows']
  readonly run: (run: Run) => RunParts
}

const kinds: Readonly<Record<ImportKind, (job: Job) => HowToRun>> = {
  users: ({ instructions, payload }) => {
    const csv = JSON.parse(instructions) as CsvInstructions
    return { rows: () => csvRows(payload(), csvOptions(csv)), run: (run) => csvRun(csv, run) }
  },
  members: ({ instructions, payload }) => {
    const members = JSON.parse(instructions) as MemberInstructions
    return { rows: () => memberRows(payload()), run: (run) => membersRun(members, run) }
  },
}
