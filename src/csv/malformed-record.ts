import { recordTooLong, textAfterQuote, unclosedQuote, type Fault } from '../users/faults.ts'
import { looseCells } from './cells.ts'
import { withEscapes } from './escapes.ts'
import { RECORD_LIMIT } from './limits.ts'
import { lineEndAt, lineEndsIn } from './lines.ts'
import { cutCell } from './long-record.ts'
import type { Blame, Found, OpenRecord } from './open-record.ts'

// Sentences show a hundred code points; what is longer need not be cut out of a record.
const SHOWN = 210

/** What is wrong with a malformed record, as far as it is now known to reach. */
export function quoteFault(record: string, { line, quoteAt, malformedAt }: Blame, delimiter: string): Fault {
  const lineOf = (offset: number): number => line + lineEndsIn(record.slice(0, offset))
  if (malformedAt === -1 || malformedAt >= record.length) {
    return unclosedQuote(lineOf(quoteAt), withEscapes(record.slice(quoteAt, quoteAt + SHOWN)))
  }
  const end = record.indexOf(delimiter, malformedAt)
  const value = record.slice(quoteAt, end === -1 ? undefined : end)
  return textAfterQuote(lineOf(malformedAt), withEscapes(value.slice(0, SHOWN)))
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
    this.#take(text, lineEnd)
  }

  /**
   * Takes the first line of what was found after it, or all of that if to look at it again is beyond `patience`;
   * gives the text that is left.
   */
  extend(open: OpenRecord, { whole, end }: Found, patience: number): string {
    const line = lineEndAt(whole, 0)
    const cut = line !== -1 && line < end && end <= patience ? line : end
    const rest = open.close(whole, cut)
    this.#take(whole.slice(0, cut), whole.slice(cut, whole.length - rest.length))
    return rest
  }

  /** Takes the rest of the line in the middle of which it ends; gives the text that is left. */
  readMidLine(open: OpenRecord, text: string): string {
    const lineEnd = lineEndAt(text, 0)
    const end = lineEnd === -1 ? text.length : lineEnd
    const rest = open.close(text, end)
    this.#take(text.slice(0, end), text.slice(end, text.length - rest.length))
    return rest
  }

  /** What is over the limit is only counted. */
  #take(text: string, lineEnd: string): void {
    const isBlankLine = text === '' && !this.isMidLine
    this.isMidLine = lineEnd === ''
    if (isBlankLine) {
      this.blankLines += 1
      if (this.#held.length < RECORD_LIMIT) this.#held += lineEnd
      return
    }
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
