import { stringify } from 'csv-stringify/sync'
import type { AnswerColumns, AnsweredRow, AnswerOptions, AnswerWriter } from '../import/answer.ts'
import { errorsText } from '../users/faults.ts'
import type { Header } from './header.ts'

/** The columns and the dialect of the answer: those of the upload's header. */
export type CsvAnswerHeader = AnswerColumns & Pick<Header, 'delimiter' | 'lineEnd' | 'bom'>

/**
 * Writes the rows of an upload with what became of them, in the upload's own dialect. Lines are joined by hand:
 * csv-stringify, which writes the header, takes 2.7 µs for a sparse row of 32 cells where this takes 0.7.
 */
export function createCsvWriter(header: CsvAnswerHeader, options: AnswerOptions): AnswerWriter {
  const { names, delimiter, lineEnd, bom } = header
  const addsId = options.returnId && !header.columns.includes('id')
  const quotable = new RegExp(`["\\r\\n${delimiter}]`)
  const quoted = (cell: string): string => (quotable.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

  const record = ({ disposition, faults, id, cells }: AnsweredRow): string => {
    let text = disposition + delimiter
    if (faults.length > 0) text += quoted(errorsText(faults))
    if (addsId) text += delimiter + (id ?? '')
    for (let index = 0; index < names.length; index += 1) {
      const cell = cells[index]
      text += cell === undefined || cell === '' ? delimiter : delimiter + quoted(cell)
    }
    return text + lineEnd
  }

  return {
    mediaType: 'text/csv; charset=utf-8; header=present',
    head: () => {
      const all = ['disposition', 'errors', ...(addsId ? ['id'] : []), ...names]
      // with a record delimiter of its own csv-stringify quotes no other line break
      const dialect = { delimiter, record_delimiter: lineEnd, quoted_match: /[\r\n]/ }
      return (bom ? '\uFEFF' : '') + stringify([all], dialect)
    },
    rows: (rows) => {
      let text = ''
      for (const row of rows) text += record(row)
      return text
    },
  }
}
