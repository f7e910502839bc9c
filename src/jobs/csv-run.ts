import { earlierRun, keptAsCsv } from '../csv/keep-answer.ts'
import { openCsv, type CsvOptions } from '../csv/read-csv.ts'
import type { BatchSizes } from '../import/batches.ts'
import { createJudge, createKeyJudge } from '../import/judge.ts'
import { meaningOfRows } from '../import/meaning.ts'
import type { Row } from '../import/row.ts'
import type { RunParts, Upload } from '../import/run-parts.ts'
import type { StoredChunk } from '../receipts/chunk.ts'
import type { AnswerForm, ImportMode, ReceiptWriter } from '../receipts/receipt.ts'
import type { ColumnName } from '../users/columns.ts'
import type { Importer } from '../users/grants.ts'
import type { ReadingOptions } from '../users/rules.ts'

/** What is asked of the import of a CSV file, beside how it is answered. JSON can hold it, for a worker. */
export interface CsvInstructions {
  readonly importer: Importer
  readonly reading: ReadingOptions
  readonly clearBlanks: boolean
  readonly csv: Omit<CsvOptions, 'columnMap'> & {
    readonly columnMap: readonly (readonly [ColumnName, string])[]
  }
}

/** How the file is to be read. */
export function csvOptions({ csv }: CsvInstructions): CsvOptions {
  return { ...csv, columnMap: new Map(csv.columnMap) }
}

/** The rows of a file whose header was understood before. */
export async function* csvRows(
  bytes: AsyncIterable<Buffer>,
  options: CsvOptions,
): AsyncGenerator<readonly Row[]> {
  yield* (await openCsv(bytes, options)).rows
}

/** An import that is about to run. */
export interface Run {
  readonly mode: ImportMode
  readonly form: AnswerForm
  readonly upload: Upload
  readonly receipt: ReceiptWriter
  readonly batches: BatchSizes
  /** The chunks that an earlier run has stored. */
  readonly stored?: AsyncIterable<StoredChunk> | undefined
}

/** What the engine needs to import a CSV file, while somebody waits for the answer or later. */
export function csvRun({ importer, reading, clearBlanks }: CsvInstructions, run: Run): RunParts {
  const judging = { reading, clearBlanks, role: importer.role }
  return {
    ...keptRun(run),
    importer,
    judge: createJudge(run.form.columns, judging),
    recalling: createKeyJudge(run.form.columns, judging),
    meaning: meaningOfRows,
  }
}

/** What does not depend on what is imported. */
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
