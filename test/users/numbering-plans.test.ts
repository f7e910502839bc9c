import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { getCountries, getCountryCallingCode, parsePhoneNumberFromString } from 'libphonenumber-js'
import { plainPhoneNumber } from '../../src/users/numbering-plans.ts'

const callingCodes = [...new Set(getCountries().map((country) => getCountryCallingCode(country)))]
// Numbers of no country, and codes that are none.
const otherCodes = ['800', '808', '870', '878', '881', '882', '883', '888', '979', '999', '210', '2', '0']

/** What the library makes of a number. */
function byLibrary(value: string): string | undefined {
  const parsed = parsePhoneNumberFromString(value, { extract: false })
  return parsed?.isPossible() === true ? parsed.number : undefined
}

const digits = (choice: string, lengths: fc.StringConstraints) =>
  fc.string({ unit: fc.constantFrom(...Array.from(choice)), ...lengths })

// The first digits are those of national prefixes more often than not.
const numbers = fc
  .tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...callingCodes) },
      { weight: 1, arbitrary: fc.constantFrom(...otherCodes) },
    ),
    fc.oneof(digits('01', { maxLength: 3 }), digits('0123456789', { maxLength: 4 })),
    digits('0123456789', { maxLength: 14 }),
    fc.constantFrom('', ' ', '-'),
  )
  .map(([code, first, rest, between]) => `+${code}${between}${first}${between}${rest}`)

describe('a plain phone number', () => {
  it.each([
    ...['', '+', '+0', '4155550132', '+1 415', '+1 (415) 555-0132', '+1  415 555 0132', '+1 415 555 0132 '],
    // National prefixes, which the library takes off.
    ...['+1 1 415 555 0132', '+49 0 30 901820', '+44 020 7946 0958'],
    // Possible in Canada and not in the United States.
    '+1 3101234',
    '+49 30 901820;ext=1',
  ])('is not %j', (value) => {
    expect(plainPhoneNumber(value)).toBeUndefined()
  })

  it.each([
    ['+14155550132', '+14155550132'],
    ['+1 415-555-0132', '+14155550132'],
    ['+49 30 901820', '+4930901820'],
    ['+44 20 7946 0958', '+442079460958'],
    ['+33 1 42 68 53 00', '+33142685300'],
    ['+55 11 93123 4567', '+5511931234567'],
    ['+41 44 668 18 00', '+41446681800'],
  ])('is %j', (value, canonical) => {
    expect(plainPhoneNumber(value)).toBe(canonical)
  })

  it('is what the library takes it for, in every country', () => {
    fc.assert(
      fc.property(numbers, (value) => {
        const plain = plainPhoneNumber(value)
        if (plain !== undefined) expect(plain).toBe(byLibrary(value))
      }),
      { numRuns: 20_000, seed: 20261122 },
    )
  })
})
