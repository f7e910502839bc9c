import { recordTooLong, type Fault } from '../users/faults.ts'
import { looseCells } from './cells.ts'
import { RECORD_LIMIT } from './limits.ts'
import { afterLineEnd, lastLineEnd, lineEndAt, lineEndsIn } from './lines.ts'
import { LongRecord } from './long-record.ts'
import { MalformedRecord, quoteFault } from './malformed-record.ts'
import { OpenRecord, type Found } from './open-record.ts'
import { readsAsRecord, slipEnd, type RecordFormat } from './record-format.ts'
import { Records } from './records.ts'

/**
 * How often, on average, a character may be looked at again because a quote before it was misplaced. It keeps
 * the work linear where every line could begin a record of a megabyte.
 */
const PATIENCE = 8

/**
 * Turns pieces of text into records. It holds the text of one record that has not ended yet, a malformed record
 * that may go on, or the beginnings of the cells of one that is over the limit: never more than a few megabytes.
 */
export class RecordReader {
  readonly #format: RecordFormat
  readonly #delimiter: string
  readonly #open: OpenRecord
  #malformed: MalformedRecord | undefined
  #long: LongRecord | undefined
  #lookedAtAgain = 0
  #damaged = false
  #records: Records

  constructor(format: RecordFormat) {
    this.#format = format
    this.#delimiter = format.delimiter
    this.#open = new OpenRecord(format.delimiter, format.line)
    this.#records = new Records(format.delimiter, false)
  }

  /** The records that end in `text`. `damaged` is whether it holds bytes that could not be decoded. */
  read(text: string, damaged: boolean): Records {
    this.#damaged ||= damaged
    this.#records = new Records(this.#delimiter, this.#damaged)
    this.#readAll(text)
    if (this.#isIdle) this.#damaged = false
    return this.#records
  }

  /** The records that end with the upload. */
  end(): Records {
    this.#records = new Records(this.#delimiter, this.#damaged)
    while (!this.#open.isEmpty) this.#readAll(this.#handle(this.#open.finish()))
    this.#endMalformed()
    if (this.#long !== undefined) this.#endLong(this.#long)
    return this.#records
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
    if (this.#malformed?.isMidLine === true) return this.#malformed.readMidLine(this.#open, text)
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
      if (!readsAsRecord(found, this.#format)) return this.#extend(this.#malformed, found)
      this.#endMalformed()
    }
    if (found.kind === 'record') return this.#endRecord(found)
    if (found.kind === 'cut-short') return this.#beginMalformed(found)
    const end = slipEnd(found, this.#open, this.#format)
    return end === -1 ? this.#giveUp(found) : this.#endRecord({ ...found, end })
  }

  #endRecord({ whole, end }: Found): string {
    const record = whole.slice(0, end)
    const { isMalformed, isOpen, quoted } = this.#open.quotes
    if (isMalformed || isOpen) this.#addFaulty(record)
    else if (quoted) this.#records.addQuoted(record)
    else this.#records.addLine(record)
    return this.#open.close(whole, end)
  }

  #addFaulty(record: string): void {
    const fault = quoteFault(record, this.#open.blame, this.#delimiter)
    this.#records.addFaulty(looseCells(record, this.#delimiter), [fault])
  }

  #beginMalformed({ whole }: Found): string {
    const { blame } = this.#open
    const end = lineEndAt(whole, blame.quoteAt)
    const lineEnd = whole.slice(end, afterLineEnd(whole, end))
    this.#malformed = new MalformedRecord(whole.slice(0, end), lineEnd, blame, this.#delimiter)
    return this.#open.close(whole, end)
  }

  #extend(malformed: MalformedRecord, found: Found): string {
    const patience = PATIENCE * (this.#open.position + found.end) - this.#lookedAtAgain
    const rest = malformed.extend(this.#open, found, patience)
    this.#lookedAtAgain += Math.max(0, found.end - (found.whole.length - rest.length))
    return rest
  }

  #endMalformed(): void {
    const malformed = this.#malformed
    if (malformed === undefined) return
    this.#malformed = undefined
    this.#records.addFaulty(malformed.cells, malformed.faults)
    for (let count = malformed.blankLines; count > 0; count -= 1) this.#records.addLine('')
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
      width: this.#format.width,
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
