import { setImmediate } from 'node:timers/promises'
import { createAnswerReader } from '../csv/read-answer.ts'
import { openCsv, type CsvOptions } from '../csv/read-csv.ts'
import { createCsvWriter, csvHead } from '../csv/write-csv.ts'
import { answering, type Outcome } from '../import/answer.ts'
import type { BatchSizes } from '../import/batches.ts'
import type { AnnotatedRow, Row } from '../import/row.ts'
import type { ResultText } from '../import/answer-digest.ts'
import type { EarlierRun, RunParts, Upload } from '../import/run-parts.ts'
import { ChunkBuilder, invalidText, meantUsers, type Chunk, type StoredChunk } from '../receipts/chunk.ts'
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

/** The import of a CSV file that is about to run. */
export interface CsvRun {
  readonly instructions: CsvInstructions
  readonly mode: ImportMode
  readonly form: AnswerForm
  readonly upload: Upload
  readonly receipt: ReceiptWriter
  readonly batches: BatchSizes
  /** The chunks that an earlier run has stored. */
  readonly stored?: AsyncIterable<StoredChunk> | undefined
}

/** What the engine needs to import a CSV file, while somebody waits for the answer or later. */
export function csvRun({ instructions, form, stored, ...run }: CsvRun): RunParts {
  const { importer, reading, clearBlanks } = instructions
  return {
    ...run,
    importer,
    earlier: stored === undefined ? undefined : earlierRun(form, stored),
    recorder: (outcome) => recorder(form, outcome),
    digested: csvText(form, form.options.onlyInvalid),
    layout: form.columns,
    judging: { reading, clearBlanks, role: importer.role },
  }
}

/** The text of a result as CSV. */
export function csvText(form: AnswerForm, onlyInvalid: boolean): ResultText {
  const text = onlyInvalid ? invalidText : ({ answer }: StoredChunk): Buffer => answer
  return { head: csvHead(form, form.options), text }
}

function earlierRun(form: AnswerForm, chunks: AsyncIterable<StoredChunk>): EarlierRun {
  const reader = createAnswerReader(form, form.options)
  return { chunks, meant: (chunk) => meantUsers(chunk, reader) }
}

// Rows that are rendered in one go, less than half a millisecond. In between the event loop turns, so that other
// requests, and the batch that is being stored, get their turn.
const SLICE = 100

/** Makes the chunks of an import: its rows as they are answered. */
function recorder(form: AnswerForm, outcome: Outcome): (rows: readonly AnnotatedRow[]) => Promise<Chunk> {
  const answered = answering(form.columns, outcome)
  const writer = createCsvWriter(form, form.options, outcome)
  return async (rows) => {
    const builder = new ChunkBuilder(writer)
    for (let start = 0; start < rows.length; start += SLICE) {
      builder.add(rows.slice(start, start + SLICE).map(answered))
      await setImmediate()
    }
    return builder.build()
  }
}
