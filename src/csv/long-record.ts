import type { Fault } from '../users/faults.ts'
import { afterLineEnd } from './lines.ts'

/** What is kept of each cell of a record that is over the limit, in code points. */
const KEPT = 100
const QUOTE = 34

/** Where a long record begins, and how it is read. */
export interface LongRecordStart {
  /** The line of the upload on which it begins. */
  readonly line: number
  readonly delimiter: string
  /** How many of its cells are kept. */
  readonly width: number
  /** What is wrong with it if its quotes are never closed. */
  readonly unclosed: Fault | undefined
}

/** Reads on in a record of any length and keeps the beginnings of its cells: memory does not grow with it. */
export class LongRecord {
  readonly line: number
  readonly unclosed: Fault | undefined
  readonly #delimiter: string
  readonly #width: number
  readonly #special: RegExp
  readonly #cells: string[] = []
  #cell = ''
  #place: 'start' | 'plain' | 'quoted' | 'closed' = 'start'

  constructor({ line, delimiter, width, unclosed }: LongRecordStart) {
    this.line = line
    this.unclosed = unclosed
    this.#delimiter = delimiter
    this.#width = width
    this.#special = new RegExp(`[\\r\\n${delimiter}]`, 'g')
  }

  /** Whether the text so far ends within quotes. */
  get isOpen(): boolean {
    return this.#place === 'quoted'
  }

  /** The first cells, at most as many as the header has, each cut. */
  get cells(): readonly string[] {
    const all = [...this.#cells, cutCell(this.#cell)]
    return all.slice(0, this.#width)
  }

  /** Takes the record's part of `text`; gives where the text after its line end begins, -1 where it goes on. */
  take(text: string): number {
    let at = 0
    while (at < text.length) {
      if (this.#place === 'quoted') at = this.#inQuotes(text, at)
      else if (text.charCodeAt(at) === QUOTE && this.#place !== 'plain') at = this.#quote(at)
      else {
        at = this.#outsideQuotes(text, at)
        if (at < text.length && !this.#delimits(text, at)) return afterLineEnd(text, at)
        if (at < text.length) this.#nextCell()
        at += 1
      }
    }
    return -1
  }

  #inQuotes(text: string, from: number): number {
    const quote = text.indexOf('"', from)
    const end = quote === -1 ? text.length : quote
    this.#keep(text, from, end)
    if (quote !== -1) this.#place = 'closed'
    return end + 1
  }

  #quote(at: number): number {
    if (this.#place === 'closed') this.#keep('"', 0, 1)
    this.#place = 'quoted'
    return at + 1
  }

  #outsideQuotes(text: string, from: number): number {
    this.#special.lastIndex = from
    const end = this.#special.exec(text)?.index ?? text.length
    if (end > from) this.#place = 'plain'
    this.#keep(text, from, end)
    return end
  }

  #delimits(text: string, at: number): boolean {
    return text[at] === this.#delimiter
  }

  #nextCell(): void {
    if (this.#cells.length < this.#width) this.#cells.push(cutCell(this.#cell))
    this.#cell = ''
    this.#place = 'start'
  }

  #keep(text: string, from: number, to: number): void {
    const room = 2 * KEPT + 1 - this.#cell.length
    if (room > 0) this.#cell += text.slice(from, Math.min(to, from + room))
  }
}

/** A copy, so that not the whole text of the upload is kept for its sake. */
export function cutCell(cell: string): string {
  return Array.from(cell.slice(0, 2 * KEPT))
    .slice(0, KEPT)
    .join('')
}
