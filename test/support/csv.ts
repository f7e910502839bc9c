import { parse } from 'csv-parse/sync'

/** Reads an answer as strictly as RFC 4180 has it: every record must have the header's width. */
export function recordsOf(text: string, delimiter = ','): string[][] {
  return parse(text, { bom: true, delimiter, relax_quotes: false, relax_column_count: false })
}

/** The rows of an answer by the names of its header. */
export function rowsOf(text: string, delimiter = ','): Record<string, string>[] {
  const [names = [], ...rows] = recordsOf(text, delimiter)
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? ''])))
}

/** Numbered users, as lines of the columns slug, email and givenName. */
export function numbered(from: number, to: number, name = 'Given'): string {
  let text = ''
  for (let number = from; number < to; number += 1) {
    text += `u-${number},u-${number}@example.com,${name} ${number}\n`
  }
  return text
}

export const numberedHeader = 'slug,email,givenName\n'

/** Rows of 60,000 characters each that are all refused: so long that they cost next to nothing but their bytes. */
export const longRows = (count: number): string => `long,nobody,${'x'.repeat(60_000)}\n`.repeat(count)
