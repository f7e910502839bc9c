import { looseCells } from './cells.ts'
import { lineEndAt } from './lines.ts'
import type { Found, OpenRecord } from './open-record.ts'

/** What the header says of the records. */
export interface RecordFormat {
  readonly delimiter: string
  /** How many values the header line has. */
  readonly width: number
  /** The line of the upload on which the first record begins. */
  readonly line: number
}

const hasHeadersWidth = (record: string, { delimiter, width }: RecordFormat): boolean =>
  looseCells(record, delimiter).length === width

/** Whether what was found reads as a record of the header's width; of what is malformed the first line counts. */
export function readsAsRecord({ kind, whole, end }: Found, format: RecordFormat): boolean {
  const line = kind === 'record' ? end : lineEndAt(whole, 0)
  return line !== 0 && hasHeadersWidth(whole.slice(0, line === -1 ? end : line), format)
}

/**
 * Where the line ends on which a quote opens that is never closed, if the quote seems a mere slip there, since what
 * follows that line reads as a record; -1 otherwise.
 */
export function slipEnd({ whole, end: limit }: Found, open: OpenRecord, format: RecordFormat): number {
  const end = open.quotes.isOpen ? lineEndAt(whole, open.blame.quoteAt) : -1
  if (end === -1 || end > limit) return -1
  const next = /[^\r\n]+/.exec(whole.slice(end, limit))
  return next === null || hasHeadersWidth(next[0], format) ? end : -1
}
