import { earlierRun, keptAsCsv } from '../csv/keep-answer.ts'
import type { BatchSizes } from '../import/batches.ts'
import type { RunParts, Upload } from '../import/run-parts.ts'
import type { StoredChunk } from '../receipts/chunk.ts'
import type { AnswerForm, ImportMode, ReceiptWriter } from '../receipts/receipt.ts'

/** An import that is about to run, whatever is imported. */
export interface Run {
  readonly mode: ImportMode
  readonly form: AnswerForm
  readonly upload: Upload
  readonly receipt: ReceiptWriter
  readonly batches: BatchSizes
  /** The chunks that an earlier run has stored. */
  readonly stored?: AsyncIterable<StoredChunk> | undefined
}

/** What the engine needs of it; what its rows mean has to be added. */
export function keptRun({
  form,
  stored,
  ...run
}: Run): Omit<RunParts, 'importer' | 'judge' | 'recalling' | 'meaning'> {
  return {
    ...run,
    ...keptAsCsv(form),
    earlier: stored === undefined ? undefined : earlierRun(form, stored),
  }
}
