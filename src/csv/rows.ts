import { ServiceError } from '../errors.ts'
import type { Row } from '../import/row.ts'
import { cellTooLong, surplusValues, undecodable, unnamedColumn, type Fault } from '../users/faults.ts'
import { isBlank } from '../users/text.ts'
import type { ReadCharset } from './charset.ts'
import { isDamaged, withEscapes } from './escapes.ts'
import type { Header } from './header.ts'
import { CELL_LIMIT, isOver } from './limits.ts'
import { cellCure, labelOf } from './likely-charset.ts'
import type { Records } from './records.ts'

const noFaults: readonly Fault[] = Object.freeze([])

/** What a {@link RowMaker} must know. */
export interface RowOptions {
  readonly header: Header
  readonly charset: ReadCharset
  /** How many cells of an earlier answer stand before those of the header. */
  readonly dropped: number
  readonly maxRows: number
}

/** Numbers records, measures them against the header and finds the faults that only the reader can see. */
export class RowMaker {
  readonly #header: Header
  readonly #charset: ReadCharset
  readonly #dropped: number
  readonly #maxRows: number
  readonly #width: number
  readonly #unnamed: readonly number[]
  #number = 1

  constructor({ header, charset, dropped, maxRows }: RowOptions) {
    this.#header = header
    this.#charset = charset
    this.#dropped = dropped
    this.#maxRows = maxRows
    this.#width = header.names.length
    this.#unnamed = header.names.flatMap((name, index) => (isBlank(name) ? [index] : []))
  }

  /**
   * Makes rows of records.
   *
   * @throws ServiceError `upload.too_many_rows` if there are more than the limit by now
   */
  rows(records: Records): Row[] {
    if (this.#number - 1 + records.cells.length > this.#maxRows) {
      const detail = `The upload has more than ${this.#maxRows} rows, the most that are accepted: send it in parts.`
      throw new ServiceError('upload.too_many_rows', detail)
    }
    const mayHoldLongCell = records.longest * 3 > CELL_LIMIT
    const isPlain =
      !records.damaged && !mayHoldLongCell && this.#unnamed.length === 0 && records.faults.size === 0
    return records.cells.map((cells, index) => {
      this.#number += 1
      const own = this.#dropped === 0 ? cells : cells.slice(this.#dropped)
      if (isPlain && own.length <= this.#width) return { number: this.#number, cells: own, faults: noFaults }
      return this.#judged(own, records.faults.get(index) ?? noFaults, records.damaged)
    })
  }

  #judged(cells: readonly string[], known: readonly Fault[], damaged: boolean): Row {
    const faults = [...known]
    const own = cells.slice(0, this.#width)
    this.#findSurplus(cells, faults)
    for (const index of this.#unnamed) {
      const value = own[index]
      if (value !== undefined && !isBlank(value))
        faults.push(unnamedColumn(this.#dropped + index + 1, withEscapes(value)))
    }
    for (const [index, cell] of own.entries()) {
      if (isOver(CELL_LIMIT, cell)) faults.push(cellTooLong(this.#nameOf(index), withEscapes(cell), '64 KiB'))
      if (damaged && isDamaged(cell)) {
        own[index] = withEscapes(cell)
        const cure = cellCure(cell, this.#charset)
        faults.push(undecodable(this.#nameOf(index), own[index], labelOf(this.#charset), cure))
      }
    }
    return { number: this.#number, cells: own, faults: faults.length === 0 ? noFaults : faults }
  }

  #findSurplus(cells: readonly string[], faults: Fault[]): void {
    let count = cells.length
    while (count > this.#width && isBlank(cells[count - 1])) count -= 1
    if (count <= this.#width) return
    const surplus = cells.slice(this.#width, count).join(this.#header.delimiter)
    faults.push(surplusValues(withEscapes(surplus), count, this.#width))
  }

  #nameOf(index: number): string {
    const name = this.#header.columns[index] ?? this.#header.names[index]
    return name === undefined || isBlank(name) ? `column ${this.#dropped + index + 1}` : name
  }
}
