import type { AnswerOptions, AnswerReader } from '../import/answer.ts'
import { unguarded } from '../users/formula.ts'
import { trimmed } from '../users/text.ts'
import { looseCells, splitLine } from './cells.ts'
import { cellsBefore, type CsvAnswerHeader } from './write-csv.ts'

/** Reads the rows of an answer in CSV back that `createCsvWriter` wrote. */
export function createAnswerReader(header: CsvAnswerHeader, options: AnswerOptions): AnswerReader {
  const { columns, delimiter, lineEnd } = header
  const before = cellsBefore(header, options)
  const idAt = before === 3 ? 2 : before + columns.indexOf('id')
  return {
    records: (text) =>
      recordsOf(text, lineEnd).map((record) =>
        record.includes('"') ? looseCells(record, delimiter) : splitLine(record, delimiter),
      ),
    cells: (record) => record.slice(before),
    // Sent with white space around it or an apostrophe before it, it comes back so.
    id: (record) => unguarded(trimmed(record[idAt] ?? '')) || null,
  }
}

/** A line end within quotes belongs to a cell: a record is whole once its quotes are even in number. */
function recordsOf(text: string, lineEnd: string): string[] {
  const lines = text.split(lineEnd)
  // What stands after the last line end is nothing.
  lines.pop()
  if (!text.includes('"')) return lines
  const records: string[] = []
  let open: string | undefined
  for (const line of lines) {
    const closes = quotesIn(line) % 2 === (open === undefined ? 0 : 1)
    const record = open === undefined ? line : open + lineEnd + line
    if (closes) records.push(record)
    open = closes ? undefined : record
  }
  return records
}

function quotesIn(line: string): number {
  let count = 0
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) count += 1
  return count
}
