import { recordTooLong, type Fault } from '../users/faults.ts'
import { looseCells } from './cells.ts'
import { isOver, RECORD_LIMIT } from './limits.ts'
import { afterLineEnd, lastLineEnd, lineEndAt, lineEndsIn } from './lines.ts'
import { LongRecord } from './long-record.ts'
import { MalformedRecord, quoteFault, type Blame } from './malformed-record.ts'
import { Records } from './records.ts'
import { RecordScanner } from './scan-record.ts'

/**
 * How often, on average, a character may be looked at again because a quote before it was misplaced. It keeps
 * the work linear where every line could begin a record of a megabyte.
 */
const PATIENCE = 8

/** What the header says of the records. */
export interface RecordFormat {
  readonly delimiter: string
  /** How many values the header line has. */
  readonly width: number
  /** The line of the upload on which the first record begins. */
  readonly line: number
}

/**
 * Turns pieces of text into records. It holds the text of one record that has not ended yet, a malformed record
 * that may go on, or the beginnings of the cells of one that is over the limit: never more than a few megabytes.
 */
export class RecordReader {
  readonly #delimiter: string
  readonly #width: number
  readonly #scanner: RecordScanner
  #line: number
  #parts: string[] = []
  #bytes = 0
  #malformed: MalformedRecord | undefined
  #long: LongRecord | undefined
  #patience = 0
  #damaged = false
  #records: Records

  constructor({ delimiter, width, line }: RecordFormat) {
    this.#delimiter = delimiter
    this.#width = width
    this.#line = line
    this.#scanner = new RecordScanner(delimiter)
    this.#records = new Records(delimiter, false)
  }

  /** The records that end in `text`. `damaged` is whether it holds bytes that were not UTF-8. */
  read(text: string, damaged: boolean): Records {
    this.#damaged ||= damaged
    this.#records = new Records(this.#delimiter, this.#damaged)
    this.#patience += PATIENCE * text.length
    this.#readAll(text)
    if (this.#isIdle) this.#damaged = false
    this.#records.settle()
    return this.#records
  }

  /** The records that end with the upload. */
  end(): Records {
    this.#records = new Records(this.#delimiter, this.#damaged)
    if (this.#long !== undefined) this.#endLong(this.#long)
    while (this.#parts.length > 0) this.#readAll(this.#ended(this.#parts.join('')))
    this.#endMalformed()
    this.#records.settle()
    return this.#records
  }

  get #isIdle(): boolean {
    return this.#parts.length === 0 && this.#malformed === undefined && this.#long === undefined
  }

  #readAll(text: string): void {
    let rest = text
    while (rest !== '') rest = this.#step(rest)
  }

  /** Takes something from the start of `text`; gives what is left of it, or must be read again. */
  #step(text: string): string {
    if (this.#long !== undefined) return this.#readLong(this.#long, text)
    if (this.#malformed?.isMidLine === true) return this.#readMidLine(this.#malformed, text)
    const plain = this.#isIdle ? this.#readPlainLines(text) : 0
    return plain > 0 ? text.slice(plain) : this.#readRecord(text)
  }

  /** The fast path: as many whole lines as stand before the first quote. */
  #readPlainLines(text: string): number {
    if (text.length * 3 > RECORD_LIMIT && text.length > 2 * RECORD_LIMIT) return 0
    const quote = text.indexOf('"')
    const end = lastLineEnd(text, quote === -1 ? text.length : quote)
    if (end > 0) this.#line += this.#records.addLines(text.slice(0, end))
    return end
  }

  #readRecord(text: string): string {
    let { stop, at } = this.#scanner.scan(text)
    if (stop === 'text-after-quote') {
      const whole = this.#whole(text)
      if (lineEndAt(whole, this.#scanner.quoteAt) < this.#scanner.malformedAt) return this.#cutShort(whole)
      ;({ stop, at } = this.#scanner.scan(text, at))
    }
    if (stop === 'end-of-text') return this.#keep(text)
    return this.#complete(this.#whole(text), this.#whole(text).length - text.length + at)
  }
}
