import type { Fault } from '../users/faults.ts'
import { looseCells, noCells, parseQuoted, splitLine } from './cells.ts'
import { linesOf } from './lines.ts'

/** The records of a piece of the upload, in its order. */
export class Records {
  readonly cells: (readonly string[])[] = []
  /** The faults of malformed records, by their place in `cells`. */
  readonly faults = new Map<number, readonly Fault[]>()
  /** The length of the longest record, in UTF-16 code units. */
  longest = 0
  /** Whether bytes of it were not UTF-8. */
  readonly damaged: boolean
  readonly #delimiter: string
  readonly #quoted: string[] = []
  readonly #places: number[] = []

  constructor(delimiter: string, damaged: boolean) {
    this.#delimiter = delimiter
    this.damaged = damaged
  }

  /** Adds whole lines without a quote; gives how many there were. */
  addLines(text: string): number {
    const lines = linesOf(text)
    for (const line of lines) this.addLine(line)
    return lines.length
  }

  /** Adds a record in which no quote begins a value. */
  addLine(line: string): void {
    if (line.length > this.longest) this.longest = line.length
    this.cells.push(splitLine(line, this.#delimiter))
  }

  /** Adds a well-formed record with a value in quotes. `literal` is whether other quotes are mere characters. */
  addQuoted(record: string, literal: boolean): void {
    this.longest = Math.max(this.longest, record.length)
    // csv-parse refuses quotes inside of a plain value, and would make U+FFFD of a byte that is no UTF-8.
    if (literal || this.damaged) this.cells.push(looseCells(record, this.#delimiter))
    else this.#parseLater(record)
  }

  /** Adds a malformed record. */
  addFaulty(cells: readonly string[], faults: readonly Fault[]): void {
    for (const cell of cells) this.longest = Math.max(this.longest, cell.length)
    this.faults.set(this.cells.length, faults)
    this.cells.push(cells)
  }

  /** Parses what was put off. To be called once, when all records are added. */
  settled(): this {
    if (this.#quoted.length === 0) return this
    const parsed = parseQuoted(this.#quoted, this.#delimiter)
    for (const [index, place] of this.#places.entries()) this.cells[place] = parsed[index] ?? noCells
    return this
  }

  #parseLater(record: string): void {
    this.#quoted.push(record)
    this.#places.push(this.cells.length)
    this.cells.push(noCells)
  }
}
