import { parse } from 'csv-parse/sync'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { userRecords, usersHead } from '../../src/csv/write-users.ts'
import { unguarded } from '../../src/users/formula.ts'

/** Strictly as RFC 4180 has it, but for the line end. */
const recordsOf = (text: string): string[][] =>
  parse(text, { record_delimiter: '\n', relax_quotes: false, relax_column_count: false })

const numbers = /^[+-][\d ().,/-]+(?:;ext=\d+)?$/

describe('exported users', () => {
  it('have the header of the template', () => {
    const template = readFileSync(
      join(import.meta.dirname, '../behaviour/users-template.expected.csv'),
      'utf8',
    )
    expect(usersHead).toBe(template.slice(0, template.indexOf('\n') + 1))
  })

  it('are nothing where there are none', () => {
    expect(userRecords([])).toBe('')
  })

  it('are quoted where they have to be, and nowhere else', () => {
    const values = ['a', '', 'a,b', 'say "a"', 'a\nb', 'a\r\nb', 'a;b', "O'Neill", ' a ', '=1,2', '"', '+1,5']
    expect(userRecords([values, ['x', ...values.slice(1)]])).toBe(
      'a,,"a,b","say ""a""","a\nb","a\r\nb",a;b,O\'Neill, a ,"\'=1,2","""","+1,5"\n' +
        'x,,"a,b","say ""a""","a\nb","a\r\nb",a;b,O\'Neill, a ,"\'=1,2","""","+1,5"\n',
    )
  })

  it('are strict CSV without a formula, whatever the table holds, and each cell means its value', () => {
    const piece = fc.constantFrom(
      ...'\'\'=+-@\t\r\n,;""'.split(''),
      '\u001F',
      'a',
      '1',
      'é',
      '😀',
      '\uFEFF',
      ' ',
    )
    const value = fc.oneof(
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
      fc.string(),
    )
    const user = fc.array(value, { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(fc.array(user, { minLength: 1, maxLength: 4 }), (users) => {
        const [header, ...records] = recordsOf(usersHead + userRecords(users))
        expect(header).toHaveLength(30)
        expect(records.map((cells) => cells.map(unguarded))).toEqual(users)
        expect(records.flat().filter((cell) => /^[=+\-@\t\r\n]/.test(cell) && !numbers.test(cell))).toEqual(
          [],
        )
      }),
      { numRuns: 1_000 },
    )
  })
})
