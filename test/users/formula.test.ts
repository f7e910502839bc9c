import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { guardedFormula, unguarded } from '../../src/users/formula.ts'

const begins = /^[=+\-@\t\r\n]/

describe('a value that a spreadsheet takes for a formula', () => {
  it.each([
    ...[
      '=1+1',
      '@x',
      '-',
      '+',
      '=',
      '-a',
      '+a',
      '+1+1',
      '-1-1',
      '-2+3+cmd|" /C calc"!A0',
      '+1e',
      '+-1',
      '--1',
    ],
    ...[
      '\tx',
      '\rx',
      '\nx',
      '+1\n2',
      '-1\n',
      '+14155550132;ext=A1',
      '+(1)',
      '+1-2',
      '+1/2',
      '@SUM(A1)',
      '-１',
    ],
  ])('goes out with an apostrophe: %j', (value) => {
    expect(guardedFormula(value)).toBe(`'${value}`)
    expect(unguarded(`'${value}`)).toBe(value)
  })

  it.each([
    ...['-5', '+4.5', '-1,5', '+0', '-1.000,50', '+14155550132', '+1 (415) 555-0132', '+49 30/901.820'],
    '+14155550132;ext=12',
  ])('is not what is a number or a phone number: %j', (value) => {
    expect(guardedFormula(value)).toBe(value)
    expect(unguarded(value)).toBe(value)
  })

  it.each(['', 'Anna', "'", "'Anna", "''", "' =1", "''=1", "''''+1", '"=1', ' =1', '1=1', 'a\n=1'])(
    'is not %j',
    (value) => {
      expect(guardedFormula(value)).toBe(value)
      expect(unguarded(value)).toBe(value)
    },
  )

  it.each([
    ["'=1", "'''=1"],
    ["'+14155550132", "'''+14155550132"],
    ["'-5", "'''-5"],
    ["'''@x", "'''''''@x"],
    ["'\nx", "'''\nx"],
  ])('and has the apostrophe already keeps it: %j goes out as %j', (value, cell) => {
    expect(guardedFormula(value)).toBe(cell)
    expect(unguarded(cell)).toBe(value)
  })

  it('comes back as it was, whatever it is, and begins no formula on its way', () => {
    const piece = fc.constantFrom(..."''''=+-@\t\r\n".split(''), '1', '.', ' ', 'a', 'é', '😀')
    const value = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      fc.string(),
    )
    fc.assert(
      fc.property(value, (sent) => {
        const cell = guardedFormula(sent)
        expect(unguarded(cell)).toBe(sent)
        expect(begins.test(cell) && !/^[+-][\d ().,/;=ext-]+$/.test(cell)).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })

  it('takes no time that grows with the square of its length', () => {
    for (const filling of ["'", '+1', '+1 ', '-1,', "''="]) {
      const long = filling.repeat(1_000_000)
      for (const value of [long, `${long}=`, `'${long}=`])
        expect(unguarded(guardedFormula(value))).toBe(value)
    }
  })
})
