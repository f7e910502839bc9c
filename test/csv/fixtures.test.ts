import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import type { AnnotatedRow, Row } from '../../src/import/row.ts'
import { isBlank } from '../../src/users/text.ts'
import { csvAnswer } from '../support/answer.ts'
import { bySize, read } from './reading.ts'

const folder = new URL('../../fixtures/csv/reading/', import.meta.url)
const cases = readdirSync(folder).filter((name) => name.endsWith('.csv') && !name.endsWith('.expected.csv'))

/** As if every row that can be read were good and known. */
function annotated(row: Row): AnnotatedRow {
  const more = { row, faults: row.faults, id: null, changed: [] }
  if (row.cells.every(isBlank)) return { ...more, disposition: 'skipped' }
  return row.faults.length > 0
    ? { ...more, disposition: 'invalid' }
    : { ...more, disposition: 'unchanged', id: '' }
}

describe('reading a file and writing its answer', () => {
  it.each(cases)('gives what is expected of %s', async (name) => {
    const upload = readFileSync(new URL(name, folder))
    const expected = readFileSync(new URL(name.replace('.csv', '.expected.csv'), folder), 'utf8')
    for (const size of [upload.length, 1, 7]) {
      const { header, rows } = await read(bySize(upload, size))
      const writer = csvAnswer(header, { onlyInvalid: false, detailed: false, returnId: false })
      expect(writer.head() + writer.rows(rows.map(annotated))).toBe(expected)
    }
  })
})
