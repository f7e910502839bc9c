import { columns } from '../users/columns.ts'
import { isBlank } from '../users/text.ts'
import type { Fault } from '../users/faults.ts'
import type { AnnotatedRow, Disposition, Layout } from './row.ts'

/** A row as the caller gets to see it. */
export interface AnsweredRow {
  readonly number: number
  readonly disposition: Disposition | 'imported'
  readonly faults: readonly Fault[]
  /** The user's id; `null` where the row is invalid or was skipped. */
  readonly id: string | null
  /** As sent, on imported rows with what the service decided in the place of blank ones. */
  readonly cells: readonly string[]
  /** The columns of an updated user whose stored value changed. */
  readonly changed: readonly string[]
}

/** Renders answered rows in one format, piece by piece. It keeps no row. */
export interface AnswerWriter {
  /** The media type of the answer. */
  readonly mediaType: string
  /** What stands before the first row; may be empty. */
  head(): string
  /** The text of a batch, joined into one string. */
  rows(rows: readonly AnsweredRow[]): string
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

/** Turns annotated rows into what the caller asked to see of them. */
export function answering(
  layout: Layout,
  { onlyInvalid, detailed }: AnswerOptions,
): (rows: readonly AnnotatedRow[]) => readonly AnsweredRow[] {
  const fill = filling(layout)
  const answered = (annotated: AnnotatedRow): AnsweredRow => {
    const { row, disposition, faults, id, changed } = annotated
    const word = detailed || id === null ? disposition : 'imported'
    return { number: row.number, disposition: word, faults, id, cells: fill(annotated), changed }
  }
  return (rows) => {
    const asked = onlyInvalid ? rows.filter(({ disposition }) => disposition === 'invalid') : rows
    return asked.map(answered)
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
