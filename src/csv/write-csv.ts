import { stringify } from 'csv-stringify/sync'
import {
  wordFor,
  type AnswerColumns,
  type AnsweredRow,
  type AnswerOptions,
  type Outcome,
  type RowWriter,
} from '../import/answer.ts'
import { errorsText } from '../users/faults.ts'

/** The columns and the dialect of the answer: those of the upload's header. */
export interface CsvAnswerHeader extends AnswerColumns {
  readonly delimiter: string
  readonly lineEnd: string
  readonly bom: boolean
}

/** The media type of an answer in CSV. */
export const csvType = 'text/csv; charset=utf-8; header=present'

/** How many cells of an answer stand before those of the upload. */
export function cellsBefore({ columns }: AnswerColumns, { returnId }: AnswerOptions): 2 | 3 {
  return returnId && !columns.includes('id') ? 3 : 2
}

/** The first line of an answer: the names of its columns. */
export function csvHead(header: CsvAnswerHeader, options: AnswerOptions): string {
  const { names, delimiter, lineEnd, bom } = header
  const all = ['disposition', 'errors', ...(cellsBefore(header, options) === 3 ? ['id'] : []), ...names]
  // with a record delimiter of its own csv-stringify quotes no other line break
  const dialect = { delimiter, record_delimiter: lineEnd, quoted_match: /[\r\n]/ }
  return (bom ? '\uFEFF' : '') + stringify([all], dialect)
}

/**
 * Writes the rows of an upload with what became of them, in the upload's own dialect. Lines are joined by hand:
 * csv-stringify, which writes the header, takes 2.7 µs for a sparse row of 32 cells where this takes 0.7.
 */
export function createCsvWriter(
  header: CsvAnswerHeader,
  options: AnswerOptions,
  outcome: Outcome,
): RowWriter {
  const { names, delimiter, lineEnd } = header
  const addsId = cellsBefore(header, options) === 3
  const word = wordFor(options, outcome)
  const quotable = new RegExp(`["\\r\\n${delimiter}]`)
  const quoted = (cell: string): string => (quotable.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

  return {
    showsIds: addsId || header.columns.includes('id'),
    row: ({ disposition, faults, id, cells }: AnsweredRow): string => {
      let text = word(disposition) + delimiter
      if (faults.length > 0) text += quoted(errorsText(faults))
      if (addsId) text += delimiter + (id ?? '')
      for (let index = 0; index < names.length; index += 1) {
        const cell = cells[index]
        text += cell === undefined || cell === '' ? delimiter : delimiter + quoted(cell)
      }
      return text + lineEnd
    },
  }
}
