import { isOver, RECORD_LIMIT, unitsWithin } from './limits.ts'
import { afterLineEnd, lineEndAt, lineEndsIn } from './lines.ts'
import { RecordScanner } from './scan-record.ts'

/** The place of the quote to blame. Offsets count from the start of the record. */
export interface Blame {
  /** The line of the upload on which the record begins. */
  readonly line: number
  /** Where the quote opens. */
  readonly quoteAt: number
  /** Where the text after its closing quote begins; -1 where it never closes. */
  readonly malformedAt: number
}

/** What became of the record at the start of a text. */
export interface Found {
  /**
   * - `record`: it ends; it may be malformed, but takes a single line from the misplaced quote on
   * - `cut-short`: text follows a closing quote, and lines end in between: it is not sure where it ends
   * - `over-limit`: it is longer than a record may be
   * - `unclosed`: the upload ends within its quotes
   * - `unfinished`: more text is needed
   */
  readonly kind: 'record' | 'cut-short' | 'over-limit' | 'unclosed' | 'unfinished'
  /** All text from its start on, that of earlier pieces too. */
  readonly whole: string
  /** How much of `whole` it takes, without its line end, as far as that is known. */
  readonly end: number
}

/** The record that has begun and not ended. Its text is looked at once, and joined once, in however many pieces it comes. */
export class OpenRecord {
  /** The line of the upload on which it begins. */
  line: number
  /** How many UTF-16 code units of the upload stand before it, since the header. */
  position = 0
  readonly #scanner: RecordScanner
  #parts: string[] = []
  #bytes = 0

  constructor(delimiter: string, line: number) {
    this.#scanner = new RecordScanner(delimiter)
    this.line = line
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  /** What is known of its quotes. */
  get quotes(): Readonly<Pick<RecordScanner, 'isOpen' | 'isMalformed' | 'quoted'>> {
    return this.#scanner
  }

  /** The quote that is to blame if it is malformed. */
  get blame(): Blame {
    const { quoteAt, malformedAt } = this.#scanner
    return { line: this.line, quoteAt, malformedAt }
  }

  /** Goes on with it in `text`. */
  read(text: string): Found {
    let { stop, at } = this.#scanner.scan(text)
    if (stop === 'text-after-quote') {
      const whole = this.#whole(text)
      const end = this.#scanner.malformedAt
      if (this.#spansLines(whole, end)) return this.#found('cut-short', whole, end)
      ;({ stop, at } = this.#scanner.scan(text, at))
    }
    if (stop === 'end-of-text') return this.#keep(text)
    const whole = this.#whole(text)
    return this.#ended(whole, whole.length - text.length + at)
  }

  /** What it is if the upload ends here. */
  finish(): Found {
    const whole = this.#whole('')
    return this.#ended(whole, whole.length)
  }

  /** Ends it at `end` of `whole`; gives the text after its line end. */
  close(whole: string, end: number): string {
    const rest = isLineEnd(whole, end) ? afterLineEnd(whole, end) : end
    const isLine = !this.#scanner.quoted && rest > end
    this.line += isLine ? 1 : lineEndsIn(whole.slice(0, rest))
    this.position += rest
    this.reset()
    return whole.slice(rest)
  }

  /** Forgets its text; its line remains. */
  reset(): void {
    this.#scanner.reset()
    this.#parts = []
    this.#bytes = 0
  }

  #whole(text: string): string {
    return this.#parts.length === 0 ? text : this.#parts.join('') + text
  }

  #keep(text: string): Found {
    this.#parts.push(text)
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes <= RECORD_LIMIT) return { kind: 'unfinished', whole: '', end: 0 }
    return this.#overLimit(this.#whole(''))
  }

  #ended(whole: string, end: number): Found {
    if (this.#spansLines(whole, end)) return this.#found('cut-short', whole, end)
    return this.#found(this.#scanner.isOpen ? 'unclosed' : 'record', whole, end)
  }

  #found(kind: Found['kind'], whole: string, end: number): Found {
    return isOver(RECORD_LIMIT, whole.slice(0, end)) ? this.#overLimit(whole) : { kind, whole, end }
  }

  /** Goes back to the limit, so that it does not matter in what pieces the record came. */
  #overLimit(whole: string): Found {
    const end = unitsWithin(RECORD_LIMIT, whole)
    const start = whole.slice(0, end)
    this.#scanner.reset()
    const { stop, at } = this.#scanner.scan(start)
    if (stop === 'text-after-quote') this.#scanner.scan(start, at)
    return { kind: this.#spansLines(whole, end) ? 'cut-short' : 'over-limit', whole, end }
  }

  /** Whether it is malformed and a line ends between the misplaced quote and `end`. */
  #spansLines(whole: string, end: number): boolean {
    if (!this.#scanner.isMalformed) return false
    const lineEnd = lineEndAt(whole, this.#scanner.quoteAt)
    return lineEnd !== -1 && lineEnd < end
  }
}

const isLineEnd = (text: string, at: number): boolean => text[at] === '\n' || text[at] === '\r'
