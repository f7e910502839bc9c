import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { looseCells, parsedCells } from '../../src/csv/cells.ts'
import { delimiters } from '../../src/csv/dialect.ts'

const cell = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' ', '"', ',', ';', '\t', '|', '\r', '\n') })

describe('the cells of a record', () => {
  it('are those that csv-parse reads, for every record that is well-formed', () => {
    const quotes = fc.array(fc.tuple(cell, fc.boolean()), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(quotes, fc.constantFrom(...delimiters), (cells, delimiter) => {
        const record = cells
          .map(([value, quoted]) =>
            quoted || /["\r\n,;\t|]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value,
          )
          .join(delimiter)
        fc.pre(record !== '')
        expect(looseCells(record, delimiter)).toEqual(parsedCells(record, delimiter))
        expect(looseCells(record, delimiter)).toEqual(cells.map(([value]) => value))
      }),
      { numRuns: 2_000 },
    )
  })
})
