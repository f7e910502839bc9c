import { createCsvWriter, type CsvAnswerHeader } from '../../src/csv/write-csv.ts'
import { answerText, type AnswerType } from '../../src/http/answer-text.ts'
import { answering, type AnswerColumns, type AnswerOptions, type Outcome } from '../../src/import/answer.ts'
import type { AnnotatedRow, Layout } from '../../src/import/row.ts'
import { ChunkBuilder } from '../../src/receipts/chunk.ts'
import type { AnswerForm } from '../../src/receipts/receipt.ts'

/** An answer as text, from annotated rows. */
export interface Answer {
  head(): string
  rows(rows: readonly AnnotatedRow[]): string
}

/** The answer to an upload as CSV. */
export const csvAnswer = (
  header: CsvAnswerHeader,
  options: AnswerOptions,
  outcome: Outcome = 'imported',
): Answer => answerBy(header, options, outcome, 'text/csv')

/** The answer to an upload as NDJSON. */
export const ndjsonAnswer = (
  columns: AnswerColumns,
  options: AnswerOptions,
  outcome: Outcome = 'imported',
): Answer =>
  answerBy(
    { ...columns, delimiter: ',', lineEnd: '\n', bom: false },
    options,
    outcome,
    'application/x-ndjson',
  )

/** Any answer takes this way: a chunk is made, and text of the chunk. */
function answerBy(
  header: CsvAnswerHeader,
  options: AnswerOptions,
  outcome: Outcome,
  type: AnswerType,
): Answer {
  const form: AnswerForm = { ...header, charset: 'utf-8', options }
  const answered = answering(header.columns, outcome)
  const writer = createCsvWriter(header, options, outcome)
  const text = answerText(form, outcome, { type, onlyInvalid: options.onlyInvalid })
  return {
    head: () => text.head,
    rows: (rows) => {
      const builder = new ChunkBuilder(writer)
      builder.add(rows.map(answered))
      return text.chunk(builder.build()).toString()
    },
  }
}

/** A header of columns; one that is passed through has a name of its own. */
export const header = (columns: Layout, more: Partial<CsvAnswerHeader> = {}): CsvAnswerHeader => ({
  names: columns.map((name, index) => name ?? `x${index}`),
  columns,
  delimiter: ',',
  lineEnd: '\n',
  bom: false,
  ...more,
})

/** An answer for which nothing was asked. */
export const plain: AnswerOptions = { onlyInvalid: false, detailed: false, returnId: false }
