import { columns } from '../users/columns.ts'
import { isBlank } from '../users/text.ts'
import type { Fault } from '../users/faults.ts'
import type { AnnotatedRow, Disposition, Layout } from './row.ts'

/** A row as the caller gets to see it. */
export interface AnsweredRow {
  readonly number: number
  readonly disposition: Disposition
  readonly faults: readonly Fault[]
  /** The user's id; `null` where nobody is imported. */
  readonly id: string | null
  /** As sent, on imported rows with what the service decided in the place of blank ones. */
  readonly cells: readonly string[]
  /** The columns of an updated user whose stored value changed. */
  readonly changed: readonly string[]
}

/** What becomes of the rows that are good: they are imported, or it is only said that they would be. */
export type Outcome = 'imported' | 'valid'

/** Writes one row of an answer as text. It keeps no row. */
export interface RowWriter {
  row(row: AnsweredRow): string
  /** Whether the text of an imported row holds the user's id. */
  readonly showsIds: boolean
}

/** Takes the text of rows apart that a {@link RowWriter} wrote. */
export interface AnswerReader {
  /** The rows, each with all its cells. */
  records(text: string): readonly (readonly string[])[]
  /** The cells of the upload in a record. */
  cells(record: readonly string[]): readonly string[]
  /** The user's id in the record of an imported row; `null` where there is none. */
  id(record: readonly string[]): string | null
}

/** The columns of an upload, as far as its answer needs them. */
export interface AnswerColumns {
  /** The names of the header as they were sent. */
  readonly names: readonly string[]
  /** What each of them means. */
  readonly columns: Layout
}

/** How the caller wants to be answered. */
export interface AnswerOptions {
  /** Leave out every row that is not invalid. */
  readonly onlyInvalid: boolean
  /** Say `created`, `updated` or `unchanged` in place of `imported`, and which columns changed. */
  readonly detailed: boolean
  /** Give the user's id even though the upload has no such column. */
  readonly returnId: boolean
}

/** The word for what became of a row. */
export function wordFor({ detailed }: AnswerOptions, outcome: Outcome): (disposition: Disposition) => string {
  return (disposition) =>
    detailed || disposition === 'invalid' || disposition === 'skipped' ? disposition : outcome
}

/** Turns annotated rows into what the caller gets to see of them. */
export function answering(layout: Layout, outcome: Outcome): (row: AnnotatedRow) => AnsweredRow {
  const fill = filling(layout)
  return (annotated) => {
    const { row, disposition, faults, id, changed } = annotated
    // Who is not imported has no id yet, and of whom nothing is written no cell is decided.
    return outcome === 'valid'
      ? { number: row.number, disposition, faults, id: null, cells: row.cells, changed }
      : { number: row.number, disposition, faults, id, cells: fill(annotated), changed }
  }
}

/** Fills blank cells with what the service decided: the id, and the defaults of a new user. */
function filling(layout: Layout): (annotated: AnnotatedRow) => readonly string[] {
  const idAt = layout.indexOf('id')
  const defaults = layout.flatMap((name, index) => {
    const value = columns.find((column) => column.name === name)?.default
    return value === undefined ? [] : [{ index, value }]
  })
  return ({ row: { cells }, disposition, id }) => {
    const takesId = id !== null && idAt !== -1 && isBlank(cells[idAt])
    if (disposition !== 'created' && !takesId) return cells
    const filled = cells.slice()
    while (filled.length < layout.length) filled.push('')
    if (takesId) filled[idAt] = id
    if (disposition !== 'created') return filled
    for (const { index, value } of defaults) if (isBlank(filled[index])) filled[index] = value
    return filled
  }
}
