import type { Outcome } from '../import/answer.ts'
import { csvText } from '../csv/keep-answer.ts'
import { createAnswerReader } from '../csv/read-answer.ts'
import { csvType } from '../csv/write-csv.ts'
import { createNdjsonWriter, ndjsonType } from '../json/write-ndjson.ts'
import { answeredRows, type StoredChunk } from '../receipts/chunk.ts'
import type { AnswerForm, Receipt } from '../receipts/receipt.ts'

/** The media types in which a result can be had, the preferred one first. */
export const answerTypes = ['text/csv', ndjsonType] as const

/** A type of answer. */
export type AnswerType = (typeof answerTypes)[number]

/** An answer as text: what stands first, and then each chunk. */
export interface AnswerText {
  readonly mediaType: string
  /** What good rows came to. */
  readonly outcome: Outcome
  readonly fileName: string
  readonly head: string
  readonly chunk: (chunk: StoredChunk) => string | Buffer
}

/** Which rows of a result are wanted, and how. */
export interface AnswerWish {
  readonly type: AnswerType
  readonly onlyInvalid: boolean
}

/** Gives the result of an import as text. All formats come from what is stored, so they can't say different things. */
export function answerText(
  form: AnswerForm,
  outcome: Outcome,
  { type, onlyInvalid }: AnswerWish,
): AnswerText {
  if (type === 'text/csv') {
    const { head, text: chunk } = csvText(form, onlyInvalid)
    return { mediaType: csvType, outcome, fileName: 'users.result.csv', head, chunk }
  }
  const reader = createAnswerReader(form, form.options)
  const write = createNdjsonWriter(form, form.options, outcome)
  const chunk = (stored: StoredChunk): string => {
    const rows = answeredRows(stored, reader)
    return write(onlyInvalid ? rows.filter(({ disposition }) => disposition === 'invalid') : rows)
  }
  return { mediaType: ndjsonType, outcome, fileName: 'users.result.ndjson', head: '', chunk }
}

/** What good rows of an import come to. */
export function outcomeOf({ mode, refused }: Pick<Receipt, 'mode' | 'refused'>): Outcome {
  return mode === 'dryRun' || refused ? 'valid' : 'imported'
}
