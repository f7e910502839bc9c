import { recordTooLong, textAfterQuote, unclosedQuote, type Fault } from '../users/faults.ts'
import { looseCells } from './cells.ts'
import { RECORD_LIMIT } from './limits.ts'
import { lineEndsIn } from './lines.ts'
import { cutCell } from './long-record.ts'

// Sentences show a hundred code points; what is longer need not be cut out of a record.
const SHOWN = 210

/** The place of the quote to blame. Offsets count from the start of the record. */
export interface Blame {
  /** The line of the upload on which the record begins. */
  readonly line: number
  /** Where the quote opens. */
  readonly quoteAt: number
  /** Where the text after its closing quote begins; -1 where it never closes. */
  readonly malformedAt: number
}

/** What is wrong with a malformed record, as far as it is now known to reach. */
export function quoteFault(record: string, { line, quoteAt, malformedAt }: Blame, delimiter: string): Fault {
  const lineOf = (offset: number): number => line + lineEndsIn(record.slice(0, offset))
  if (malformedAt === -1 || malformedAt >= record.length) {
    return unclosedQuote(lineOf(quoteAt), record.slice(quoteAt, quoteAt + SHOWN))
  }
  const end = record.indexOf(delimiter, malformedAt)
  const value = record.slice(quoteAt, end === -1 ? undefined : end)
  return textAfterQuote(lineOf(malformedAt), value.slice(0, SHOWN))
}

/**
 * A record with a misplaced quote, of which it is not yet known how many lines it takes. It takes line after
 * line until one reads as a record of the header's width.
 */
export class MalformedRecord {
  /** Blank lines after it: rows if it ends here, a part of it if it goes on. */
  blankLines = 0
  /** Whether it ends in the middle of a line, the rest of which belongs to it too. */
  isMidLine = false
  readonly #blame: Blame
  readonly #delimiter: string
  #text = ''
  #bytes = 0
  #held = ''

  constructor(text: string, lineEnd: string, blame: Blame, delimiter: string) {
    this.#blame = blame
    this.#delimiter = delimiter
    this.add(text, lineEnd)
  }

  /** Takes a blank line, for the time being. */
  addBlankLine(lineEnd: string): void {
    this.blankLines += 1
    if (this.#held.length < RECORD_LIMIT) this.#held += lineEnd
  }

  /** Takes lines, or a part of one, and what ends them. What is over the limit is only counted. */
  add(text: string, lineEnd: string): void {
    if (this.#bytes <= RECORD_LIMIT) this.#text += this.#held + text
    this.#bytes += this.#held.length + Buffer.byteLength(text)
    this.#held = lineEnd
    this.blankLines = 0
  }

  /** Its cells as they stand; only their beginnings where it is over the limit. */
  get cells(): readonly string[] {
    const cells = looseCells(this.#text, this.#delimiter)
    return this.#isTooLong ? cells.map(cutCell) : cells
  }

  get #isTooLong(): boolean {
    return this.#bytes > RECORD_LIMIT
  }

  /** Which quote is to blame, and whether the record is over the limit. */
  get faults(): readonly Fault[] {
    const fault = quoteFault(this.#text, this.#blame, this.#delimiter)
    return this.#isTooLong ? [fault, recordTooLong(this.#blame.line, '1 MiB')] : [fault]
  }
}
