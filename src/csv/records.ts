import type { Fault } from '../users/faults.ts'
import { looseCells, splitLine } from './cells.ts'
import { linesOf } from './lines.ts'

/** The records of a piece of the upload, in its order. */
export class Records {
  readonly cells: (readonly string[])[] = []
  /** The faults of malformed records, by their place in `cells`. */
  readonly faults = new Map<number, readonly Fault[]>()
  /** The length of the longest record, in UTF-16 code units. */
  longest = 0
  /** Whether bytes of it could not be decoded. */
  readonly damaged: boolean
  readonly #delimiter: string

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

  /** Adds a record with a value in quotes. */
  addQuoted(record: string): void {
    this.longest = Math.max(this.longest, record.length)
    this.cells.push(looseCells(record, this.#delimiter))
  }

  /** Adds a malformed record. */
  addFaulty(cells: readonly string[], faults: readonly Fault[]): void {
    for (const cell of cells) this.longest = Math.max(this.longest, cell.length)
    this.faults.set(this.cells.length, faults)
    this.cells.push(cells)
  }
}
