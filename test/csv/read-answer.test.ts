import { describe, expect, it } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { createAnswerReader } from '../../src/csv/read-answer.ts'
import { createCsvWriter, type CsvAnswerHeader } from '../../src/csv/write-csv.ts'
import type { AnswerOptions } from '../../src/import/answer.ts'
import { unknownId } from '../../src/users/faults.ts'

const seed = Number(process.env['PROPERTY_SEED'] ?? 20261122)
const plain: AnswerOptions = { onlyInvalid: false, detailed: false, returnId: false }
const returned = { ...plain, returnId: true }

const header: CsvAnswerHeader = {
  names: ['slug', 'id', 'other'],
  columns: ['slug', 'id', undefined],
  delimiter: ',',
  lineEnd: '\n',
  bom: false,
}
const withoutId: CsvAnswerHeader = { ...header, names: ['slug', 'email'], columns: ['slug', 'email'] }

describe('an answer that is read back', () => {
  it('has no records where it has no text', () => {
    expect(createAnswerReader(header, plain).records('')).toEqual([])
  })

  it('has the cells of the upload after its own', () => {
    const record = ['imported', '', 's', 'the-id', 'x']
    expect(createAnswerReader(header, plain).cells(record)).toEqual(['s', 'the-id', 'x'])
    expect(createAnswerReader(header, returned).cells(record)).toEqual(['s', 'the-id', 'x'])
    const own = ['imported', '', 'the-id', 's', 'a@x.org']
    expect(createAnswerReader(withoutId, returned).cells(own)).toEqual(['s', 'a@x.org'])
  })

  it.each(['the-id', ' the-id\u00A0', '\u200Bthe-id '])('has the id of a user out of %j', (cell) => {
    expect(createAnswerReader(header, plain).id(['imported', '', 's', cell, 'x'])).toBe('the-id')
    expect(createAnswerReader(withoutId, returned).id(['imported', '', cell, 's', 'x'])).toBe('the-id')
  })

  it.each(["'-the_id", '-the_id', " '-the_id "])(
    'has the id of a user that begins as a formula out of %j',
    (cell) => {
      expect(createAnswerReader(header, plain).id(['imported', '', 's', cell, 'x'])).toBe('-the_id')
    },
  )

  it.each(['', ' '])('has no id where its cell is %j', (cell) => {
    expect(createAnswerReader(header, plain).id(['valid', '', 's', cell, 'x'])).toBeNull()
  })

  it(`has the records that csv-parse finds in it (seed ${seed})`, () => {
    const cell = fc
      .array(
        fc.constantFrom('a', '"', '""', ',', ';', '|', '\t', '\n', '\r', '\r\n', ' ', '\0', '\uFEFF', '😀'),
        { maxLength: 6 },
      )
      .map((all) => all.join(''))
    const row = fc.record({ cells: fc.tuple(cell, cell, cell), value: cell, isInvalid: fc.boolean() })
    const dialects = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    })
    fc.assert(
      fc.property(fc.array(row, { maxLength: 8 }), dialects, (rows, dialect) => {
        const dialected = { ...header, ...dialect }
        const writer = createCsvWriter(dialected, plain, 'imported')
        const text = rows
          .map(({ cells, value, isInvalid }, index) =>
            writer.row({
              number: index + 2,
              disposition: isInvalid ? 'invalid' : 'unchanged',
              faults: isInvalid ? [unknownId(value)] : [],
              id: null,
              cells,
              changed: [],
            }),
          )
          .join('')
        const options = { delimiter: dialect.delimiter, record_delimiter: dialect.lineEnd }
        expect(createAnswerReader(dialected, plain).records(text)).toEqual(parse(text, options))
      }),
      { seed, numRuns: 2_000 },
    )
  })
})
