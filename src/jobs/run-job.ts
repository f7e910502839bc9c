import { ServiceError } from '../errors.ts'
import type { BatchSizes } from '../import/batches.ts'
import { runImport } from '../import/run-import.ts'
import type { RunParts } from '../import/run-parts.ts'
import { storedChunks } from '../receipts/follow.ts'
import type { ReceiptStore } from '../receipts/receipt.ts'
import { csvOptions, csvRows, csvRun, type CsvInstructions } from './csv-run.ts'
import type { Job } from './job.ts'

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

function runParts({ receipt, instructions, writer, payload }: Job, parts: JobRunnerParts): RunParts {
  const { mode, form, upload, chunks } = receipt
  if (upload === undefined) throw new RangeError('a job is queued when its upload has come')
  const csv = JSON.parse(instructions) as CsvInstructions
  const again = (): RunParts['upload']['rows'] => csvRows(payload(), csvOptions(csv))
  return csvRun(csv, {
    mode,
    form,
    upload: { rows: again(), again, received: () => Promise.resolve(upload) },
    receipt: writer,
    batches: parts.batches,
    stored: mode === 'each' && chunks > 0 ? storedChunks(parts.receipts, receipt, chunks) : undefined,
  })
}
