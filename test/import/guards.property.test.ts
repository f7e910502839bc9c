import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { columns, creationColumns, type ValueRule } from '../../src/users/columns.ts'
import { memberProperties } from '../../src/users/members.ts'
import { cut, hidesSomething, trimmed } from '../../src/users/text.ts'
import { today } from './builders.ts'
import { assertHeld } from './engine-cases.ts'

const seed = Number(process.env['PROPERTY_SEED'] ?? 20261122)
const numRuns = Math.ceil(Number(process.env['PROPERTY_RUNS'] ?? 3_000) / 4)

const spreadsheetErrors = ['#N/A', '#REF!', '#NAME?', '#VALUE!', '#DIV/0!', '#NUM!', '#NULL!']

/** A column, or a property of a member. */
type Guarded = ValueRule & { readonly example: string }

/** What the guard of a column accepts and the rule does not, or not as it stands. */
function disagreement(column: Guarded, cell: string): string | undefined {
  if (!column.plain.test(cell)) return undefined
  if (trimmed(cell) !== cell || cell === '') return 'it has white space around it'
  if (/^'[=+\-@]/.test(cell)) return 'it has the apostrophe of an export'
  if (hidesSomething(cell, false)) return 'it hides something'
  if (/[\uD800-\uDFFF]/u.test(cell)) return 'it holds half a character'
  if (spreadsheetErrors.includes(cell)) return 'it is the error of a spreadsheet'
  const schema = column.schema({ today })
  if (!schema.isValidSync(cell)) return 'the rule refuses it'
  return schema.cast(cell) === cell ? undefined : `its canonical form is ${String(schema.cast(cell))}`
}

/** Strings near what a guard accepts: from the guard itself, its neighbours, and of pieces that matter. */
function cellsNear(column: Guarded): fc.Arbitrary<string> {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'Z',
      '0',
      '9',
      '-',
      '.',
      '_',
      '@',
      '+',
      ' ',
      "'",
      '/',
      ':',
      ',',
      'xn--',
      'https://',
      '.com',
      '.de',
    ],
    ...[
      'ü',
      'İ',
      'ß',
      '\u0301',
      '😀',
      '\u200B',
      '\u00A0',
      '\n',
      '\u202E',
      '\uD800',
      '1990',
      '-02-',
      '28',
      '127.0.0.1',
    ],
    ...['TRUE', 'organization_', 'owner', 'x'.repeat(60), '９', 'K', 'ª', '’', '・'],
  )
  const fromGuard = fc.stringMatching(asPlainPattern(column.plain), { size: 'medium' })
  const mixed = fc.array(pieces, { maxLength: 8 }).map((some) => some.join(''))
  const changed = fc.tuple(fromGuard, fc.nat(), pieces).map(([cell, at, piece]) => {
    const place = cell.length === 0 ? 0 : at % (cell.length + 1)
    return cell.slice(0, place) + piece + cell.slice(place)
  })
  return fc.oneof(fromGuard, mixed, changed, fc.constant(column.example))
}

/** fast-check reads neither look-aheads nor large repetitions nor `\p{…}`. */
function asPlainPattern({ source }: RegExp): RegExp {
  const simpler = source
    .replaceAll(/\(\?[=!][^)]*\)/g, '')
    .replaceAll(/\\p\{[A-Z]\}/g, 'aÉß٣ñ')
    .replaceAll(
      /\{(\d+),(\d{2,})\}/g,
      (_, from: string, to: string) => `{${from},${Math.min(Number(to), 300)}}`,
    )
  return new RegExp(simpler, 'u')
}

const guarded: readonly (readonly [name: string, Guarded])[] = [
  ...[...columns, ...creationColumns]
    .filter(({ name }) => name !== 'phoneNumber')
    .map((column) => [column.name, column] as const),
  ...memberProperties
    .filter((property) => property.type === 'string')
    .map((property) => [`a member’s ${property.name}`, property] as const),
]

describe.each(guarded)('the guard of %s', (_, column) => {
  it(`accepts nothing but what the rule accepts as it stands (seed ${seed})`, () => {
    const property = fc.property(cellsNear(column), (cell) => {
      const why = disagreement(column, cell)
      if (why !== undefined)
        throw new Error(`${JSON.stringify(cut(cell))} of ${cell.length} characters: ${why}`)
    })
    assertHeld(fc.check(property, { seed, numRuns, endOnFailure: true }))
  })

  it('accepts what is common, such as the example', () => {
    const uncommon = ['zoneinfo', 'locale']
    expect(uncommon.includes(column.name) || column.plain.test(column.example)).toBe(true)
  })
})
