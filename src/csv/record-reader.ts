import { recordTooLong, type Fault } from '../users/faults.ts'
import { looseCells } from './cells.ts'
import { RECORD_LIMIT } from './limits.ts'
import { afterLineEnd, lastLineEnd, lineEndAt, lineEndsIn } from './lines.ts'
import { LongRecord } from './long-record.ts'
import { MalformedRecord, quoteFault } from './malformed-record.ts'
import { OpenRecord, type Found } from './open-record.ts'
import { Records } from './records.ts'

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
  readonly #open: OpenRecord
  #malformed: MalformedRecord | undefined
  #long: LongRecord | undefined
  #lookedAtAgain = 0
  #damaged = false
  #records: Records

  constructor({ delimiter, width, line }: RecordFormat) {
    this.#delimiter = delimiter
    this.#width = width
    this.#open = new OpenRecord(delimiter, line)
    this.#records = new Records(delimiter, false)
  }

  /** The records that end in `text`. `damaged` is whether it holds bytes that were not UTF-8. */
  read(text: string, damaged: boolean): Records {
    this.#damaged ||= damaged
    this.#records = new Records(this.#delimiter, this.#damaged)
    this.#readAll(text)
    if (this.#isIdle) this.#damaged = false
    return this.#records.settled()
  }

  /** The records that end with the upload. */
  end(): Records {
    this.#records = new Records(this.#delimiter, this.#damaged)
    while (!this.#open.isEmpty) this.#readAll(this.#handle(this.#open.finish()))
    this.#endMalformed()
    if (this.#long !== undefined) this.#endLong(this.#long)
    return this.#records.settled()
  }

  get #isIdle(): boolean {
    return this.#open.isEmpty && this.#malformed === undefined && this.#long === undefined
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
    return plain > 0 ? text.slice(plain) : this.#handle(this.#open.read(text))
  }

  /** The fast path: as many whole lines as stand before the first quote. */
  #readPlainLines(text: string): number {
    // only text that is read again is so long, and may hold a line over the limit
    if (text.length * 3 > RECORD_LIMIT) return 0
    const quote = text.indexOf('"')
    const end = lastLineEnd(text, quote === -1 ? text.length : quote)
    if (end > 0) this.#open.line += this.#records.addLines(text.slice(0, end))
    this.#open.position += end
    return end
  }

  #handle(found: Found): string {
    if (found.kind === 'unfinished') return ''
    if (this.#malformed !== undefined) {
      if (!this.#hasHeadersWidth(found)) return this.#extend(this.#malformed, found)
      this.#endMalformed()
    }
    if (found.kind === 'record') return this.#endRecord(found)
    if (found.kind === 'cut-short') return this.#beginMalformed(found)
    return this.#resumeAfterQuote(found) ?? this.#giveUp(found)
  }

  #endRecord({ whole, end }: Found): string {
    const record = whole.slice(0, end)
    const { isMalformed, quoted, literal } = this.#open.quotes
    if (isMalformed) this.#addFaulty(record)
    else if (quoted) this.#records.addQuoted(record, literal)
    else this.#records.addLine(record)
    return this.#open.close(whole, end)
  }

  #addFaulty(record: string): void {
    const fault = quoteFault(record, this.#open.blame, this.#delimiter)
    this.#records.addFaulty(looseCells(record, this.#delimiter), [fault])
  }

  /** Whether what was found reads as a record of the header's width; of what is malformed the first line counts. */
  #hasHeadersWidth({ kind, whole, end }: Found): boolean {
    const line = kind === 'record' ? end : lineEndAt(whole, 0)
    return line !== 0 && this.#isWhole(whole.slice(0, line === -1 ? end : line))
  }

  #isWhole(record: string): boolean {
    return looseCells(record, this.#delimiter).length === this.#width
  }

  #beginMalformed({ whole }: Found): string {
    const { blame } = this.#open
    const end = lineEndAt(whole, blame.quoteAt)
    const lineEnd = whole.slice(end, afterLineEnd(whole, end))
    this.#malformed = new MalformedRecord(whole.slice(0, end), lineEnd, blame, this.#delimiter)
    return this.#open.close(whole, end)
  }

  /** Adds the first line of what was found to the malformed record before it, or all of it if patience is at its end. */
  #extend(malformed: MalformedRecord, { whole, end }: Found): string {
    const line = lineEndAt(whole, 0)
    const isShort = line === -1 || line >= end
    const patience = PATIENCE * (this.#open.position + end) - this.#lookedAtAgain
    const isAffordable = !isShort && patience >= end
    if (isAffordable) this.#lookedAtAgain += end
    const cut = isAffordable ? line : end
    const rest = this.#open.close(whole, cut)
    const lineEnd = whole.slice(cut, whole.length - rest.length)
    if (cut === 0) malformed.addBlankLine(lineEnd)
    else malformed.add(whole.slice(0, cut), lineEnd)
    malformed.isMidLine = lineEnd === ''
    return rest
  }

  #readMidLine(malformed: MalformedRecord, text: string): string {
    const end = lineEndAt(text, 0)
    const rest = end === -1 ? text.length : afterLineEnd(text, end)
    malformed.add(text.slice(0, end === -1 ? rest : end), end === -1 ? '' : text.slice(end, rest))
    malformed.isMidLine = end === -1
    this.#open.line += end === -1 ? 0 : 1
    this.#open.position += rest
    return text.slice(rest)
  }

  #endMalformed(): void {
    const malformed = this.#malformed
    if (malformed === undefined) return
    this.#malformed = undefined
    this.#records.addFaulty(malformed.cells, malformed.faults)
    for (let count = malformed.blankLines; count > 0; count -= 1) this.#records.addLine('')
  }

  /** Takes a quote that is never closed for a slip of its line, if what follows that line looks like records. */
  #resumeAfterQuote({ whole, end: limit }: Found): string | undefined {
    const { isOpen } = this.#open.quotes
    const end = isOpen ? lineEndAt(whole, this.#open.blame.quoteAt) : -1
    if (end === -1 || end > limit) return undefined
    const next = /[^\r\n]+/.exec(whole.slice(end, limit))
    if (next !== null && !this.#isWhole(next[0])) return undefined
    this.#addFaulty(whole.slice(0, end))
    return this.#open.close(whole, end)
  }

  #giveUp({ kind, whole, end }: Found): string {
    if (kind === 'unclosed') {
      this.#addFaulty(whole.replace(/(?:\r\n|\n|\r)$/, ''))
      return this.#open.close(whole, end)
    }
    const { isOpen } = this.#open.quotes
    const unclosed = isOpen ? quoteFault(whole, this.#open.blame, this.#delimiter) : undefined
    this.#long = new LongRecord({
      line: this.#open.line,
      delimiter: this.#delimiter,
      width: this.#width,
      unclosed,
    })
    this.#open.reset()
    return whole
  }

  #readLong(long: LongRecord, text: string): string {
    const end = long.take(text)
    const taken = end === -1 ? text.length : end
    this.#open.line += lineEndsIn(text.slice(0, taken))
    this.#open.position += taken
    if (end !== -1) this.#endLong(long)
    return text.slice(taken)
  }

  #endLong(long: LongRecord): void {
    const faults: Fault[] = [recordTooLong(long.line, '1 MiB')]
    if (long.unclosed !== undefined && long.isOpen) faults.unshift(long.unclosed)
    this.#records.addFaulty(long.cells, faults)
    this.#long = undefined
  }
}
