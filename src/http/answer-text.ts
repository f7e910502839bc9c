import type { AnsweredRow, Outcome } from '../import/answer.ts'
import { csvText } from '../csv/keep-answer.ts'
import { createAnswerReader } from '../csv/read-answer.ts'
import { createCsvWriter, csvType } from '../csv/write-csv.ts'
import { createMembersWriter } from '../json/write-members.ts'
import { createNdjsonWriter, ndjsonType } from '../json/write-ndjson.ts'
import { answeredRows, type StoredChunk } from '../receipts/chunk.ts'
import { guardedFormula } from '../users/formula.ts'
import type { AnswerForm, Receipt } from '../receipts/receipt.ts'

/** The media types in which the result of a file can be had, the preferred one first. */
export const answerTypes = ['text/csv', ndjsonType] as const

/** The same for members. */
export const memberAnswerTypes = ['application/json', 'text/csv'] as const

/** A type of answer. */
export type AnswerType = (typeof answerTypes)[number] | (typeof memberAnswerTypes)[number]

/** An answer as text: what stands first, then each chunk, and what stands last. */
export interface AnswerText {
  readonly mediaType: string
  /** What good rows came to. */
  readonly outcome: Outcome
  /** What the name of its file ends with, without the dot. */
  readonly extension: string
  readonly head: string
  readonly chunk: (chunk: StoredChunk) => string | Buffer
  readonly tail: string
}

/** Which rows of a result are wanted, and how. */
export interface AnswerWish {
  readonly type: AnswerType
  readonly onlyInvalid: boolean
  /**
   * Whether what a spreadsheet would take for a formula gets an apostrophe, in CSV. Not where a file is answered: its
   * sender gets back what he sent.
   */
  readonly guardsFormulas?: boolean
}

/** Gives the result of an import as text. All formats come from what is stored, so they can't say different things. */
export function answerText(form: AnswerForm, outcome: Outcome, wish: AnswerWish): AnswerText {
  return { outcome, tail: '', ...writers[wish.type](form, outcome, wish) }
}

type Written = Omit<AnswerText, 'outcome' | 'tail'> & Partial<AnswerText>

const writers: Readonly<
  Record<AnswerType, (form: AnswerForm, outcome: Outcome, wish: AnswerWish) => Written>
> = {
  'text/csv': (form, outcome, wish) => {
    const { head, text } = csvText(form, wish.onlyInvalid)
    const chunk = wish.guardsFormulas === true ? fromRows(form, wish, guardedCsv(form, outcome)) : text
    return { mediaType: csvType, extension: 'csv', head, chunk }
  },
  'application/x-ndjson': (form, outcome, wish) => {
    const chunk = fromRows(form, wish, createNdjsonWriter(form, form.options, outcome))
    return { mediaType: ndjsonType, extension: 'ndjson', head: '', chunk }
  },
  'application/json': (form, outcome, wish) => {
    const { head, rows, tail } = createMembersWriter(form.options, outcome)
    const mediaType = 'application/json; charset=utf-8'
    return { mediaType, extension: 'json', head, chunk: fromRows(form, wish, rows), tail }
  },
}

function guardedCsv(form: AnswerForm, outcome: Outcome): (rows: readonly AnsweredRow[]) => string {
  const writer = createCsvWriter(form, form.options, outcome)
  return (rows) =>
    rows.map((row) => writer.row({ ...row, cells: row.cells.map((cell) => guardedFormula(cell)) })).join('')
}

/** Makes text of the rows of chunks. */
function fromRows(
  form: AnswerForm,
  { onlyInvalid }: AnswerWish,
  write: (rows: readonly AnsweredRow[]) => string,
): (chunk: StoredChunk) => string {
  const reader = createAnswerReader(form, form.options)
  return (stored) => {
    const rows = answeredRows(stored, reader)
    return write(onlyInvalid ? rows.filter(({ disposition }) => disposition === 'invalid') : rows)
  }
}

/** What good rows of an import come to. */
export function outcomeOf({ mode, refused }: Pick<Receipt, 'mode' | 'refused'>): Outcome {
  return mode === 'dryRun' || refused ? 'valid' : 'imported'
}
