import { createCsvWriter, type CsvAnswerHeader } from '../../src/csv/write-csv.ts'
import {
  answering,
  type AnswerColumns,
  type AnswerOptions,
  type AnswerWriter,
} from '../../src/import/answer.ts'
import type { AnnotatedRow } from '../../src/import/row.ts'
import { createNdjsonWriter } from '../../src/json/write-ndjson.ts'

/** A writer, and before it what turns annotated rows into answered ones. */
export interface Answer {
  head(): string
  rows(rows: readonly AnnotatedRow[]): string
}

function answerBy(writer: AnswerWriter, { columns }: AnswerColumns, options: AnswerOptions): Answer {
  const answered = answering(columns, options)
  return { head: () => writer.head(), rows: (rows) => writer.rows(answered(rows)) }
}

/** The answer to an upload as CSV. */
export function csvAnswer(header: CsvAnswerHeader, options: AnswerOptions): Answer {
  return answerBy(createCsvWriter(header, options), header, options)
}

/** The answer to an upload as NDJSON. */
export function ndjsonAnswer(header: AnswerColumns, options: AnswerOptions): Answer {
  return answerBy(createNdjsonWriter(header, options), header, options)
}
