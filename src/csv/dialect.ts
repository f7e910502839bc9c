import { afterLineEnd, lineEndAt } from './lines.ts'

/** What separates the values of a record. The first wins where nothing tells them apart. */
export const delimiters = [',', ';', '\t', '|'] as const

/** What separates the values of a record. */
export type Delimiter = (typeof delimiters)[number]

/** What ends a line. */
export type LineEnd = '\r\n' | '\n' | '\r'

// Excel's own word for the delimiter, and what PowerShell's Export-Csv writes first
const preamble = /^(?:"?sep=[,;\t|]"?|"?#TYPE\b.*)$/i

/** Where the header begins: after a first line that is for a program only. */
export function headerStart(text: string): number {
  const end = lineEndAt(text, 0)
  return end !== -1 && preamble.test(text.slice(0, end)) ? afterLineEnd(text, end) : 0
}

/** The line end at `at`; a line feed where the text has none. */
export function lineEndOf(text: string, at: number): LineEnd {
  if (text[at] !== '\r') return '\n'
  return text[at + 1] === '\n' ? '\r\n' : '\r'
}
