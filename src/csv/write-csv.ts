import { stringify } from 'csv-stringify/sync'
import type { AnswerColumns, AnswerOptions, AnswerWriter } from '../import/answer.ts'
import type { AnnotatedRow, Disposition } from '../import/row.ts'
import { columns } from '../users/columns.ts'
import { errorsText } from '../users/faults.ts'
import { isBlank } from '../users/text.ts'
import type { Header } from './header.ts'

/** The columns and the dialect of the answer: those of the upload's header. */
export type CsvAnswerHeader = AnswerColumns & Pick<Header, 'delimiter' | 'lineEnd' | 'bom'>

/**
 * Writes the rows of an upload with what became of them, in the upload's own dialect. Lines are joined by hand:
 * csv-stringify, which writes the header, takes 2.7 µs for a sparse row of 32 cells where this takes 0.7.
 */
export function createCsvWriter(header: CsvAnswerHeader, options: AnswerOptions): AnswerWriter {
  return new CsvWriter(header, options)
}

class CsvWriter implements AnswerWriter {
  readonly mediaType = 'text/csv; charset=utf-8; header=present'
  readonly #header: CsvAnswerHeader
  readonly #options: AnswerOptions
  readonly #addsId: boolean
  readonly #idAt: number
  readonly #defaults: readonly Default[]
  readonly #quotable: RegExp

  constructor(header: CsvAnswerHeader, options: AnswerOptions) {
    this.#header = header
    this.#options = options
    this.#idAt = header.columns.indexOf('id')
    this.#addsId = options.returnId && this.#idAt === -1
    this.#defaults = defaultsIn(header)
    this.#quotable = new RegExp(`["\\r\\n${header.delimiter}]`)
  }

  head(): string {
    const { names, delimiter, lineEnd, bom } = this.#header
    const all = ['disposition', 'errors', ...(this.#addsId ? ['id'] : []), ...names]
    // with a record delimiter of its own csv-stringify quotes no other line break
    const options = { delimiter, record_delimiter: lineEnd, quoted_match: /[\r\n]/ }
    return (bom ? '\uFEFF' : '') + stringify([all], options)
  }

  rows(rows: readonly AnnotatedRow[]): string {
    let text = ''
    for (const row of rows) {
      if (!this.#options.onlyInvalid || row.disposition === 'invalid') text += this.#record(row)
    }
    return text
  }

  #record(row: AnnotatedRow): string {
    const { delimiter, lineEnd, names } = this.#header
    const isImported = isOfUser(row.disposition) && this.#options.dryRun !== true
    const cells = isImported ? this.#filled(row) : row.row.cells
    let record = this.#disposition(row.disposition) + delimiter
    if (row.faults.length > 0) record += this.#cell(errorsText(row.faults))
    if (this.#addsId) record += delimiter + (isImported ? this.#cell(row.id ?? '') : '')
    for (let index = 0; index < names.length; index += 1) {
      const cell = cells[index]
      record += cell === undefined || cell === '' ? delimiter : delimiter + this.#cell(cell)
    }
    return record + lineEnd
  }

  #cell(cell: string): string {
    return this.#quotable.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
  }

  #disposition(disposition: Disposition): string {
    if (this.#options.detailed || !isOfUser(disposition)) return disposition
    return this.#options.dryRun === true ? 'valid' : 'imported'
  }

  /** The cells with what the service decided in the place of blank ones. */
  #filled({ row, disposition, id }: AnnotatedRow): readonly string[] {
    const takesId = this.#idAt !== -1 && isBlank(row.cells[this.#idAt])
    if (disposition !== 'created' && !takesId) return row.cells
    const cells = row.cells.slice()
    while (cells.length < this.#header.names.length) cells.push('')
    if (takesId) cells[this.#idAt] = id ?? ''
    if (disposition !== 'created') return cells
    for (const { index, value } of this.#defaults) if (isBlank(cells[index])) cells[index] = value
    return cells
  }
}

const isOfUser = (disposition: Disposition): boolean => disposition !== 'invalid' && disposition !== 'skipped'

/** What a new user gets who leaves a cell blank. */
interface Default {
  readonly index: number
  readonly value: string
}

function defaultsIn(header: AnswerColumns): Default[] {
  return header.columns.flatMap((name, index) => {
    const value = columns.find((column) => column.name === name)?.default
    return value === undefined ? [] : [{ index, value }]
  })
}
