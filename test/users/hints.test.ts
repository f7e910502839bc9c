import { describe, expect, it } from '@jest/globals'
import { columnIndex, columns, type ColumnName } from '../../src/users/columns.ts'
import type { ReadingOptions } from '../../src/users/rules.ts'

const today = '2026-11-22'

/** The hint for a value that the column refuses. */
function hint(name: ColumnName, value: string, reading: Partial<ReadingOptions> = {}): string | undefined {
  const column = columns[columnIndex[name]]!
  const options = { today, ...reading }
  expect(column.schema(options).isValidSync(value)).toBe(false)
  return column.hint?.(value, options)
}

describe('a refused value whose cause is not plain', () => {
  it.each<[ColumnName, string]>([
    ['email', 'x'],
    ['email', 'davemcnelis+0911-1'],
    ['email', 'davemcnelis+0911-4.gmail.com'],
    ['email', 'a@b'],
    ['email', 'a@b@x.org'],
    ['email', 'a@x.org, Ann'],
    ['email', 'Ann <ann>'],
    ['email', 'NULL'],
    ['birthdate', '2023-02-29'],
    ['birthdate', '1990-02-30'],
    ['birthdate', '19900230'],
    ['birthdate', '2027'],
    ['birthdate', '99999'],
    ['birthdate', '123456'],
    ['birthdate', 'May 1990'],
    ['phoneNumber', '+1'],
    ['phoneNumber', '00'],
    ['phoneNumber', '+1 415 555 CALL'],
    ['website', 'ftp://example.com'],
    ['website', 'javascript:alert(1)'],
    ['website', 'https://'],
    ['website', '@ann'],
    ['website', 'example'],
    ['website', '1.2'],
    ['active', '2'],
    ['active', 'maybe'],
    ['active', '?'],
    ['roles', 'applicant'],
    ['roles', 'organization_owner,applicant;admin'],
    ['roles', 'owner, applicant'],
    ['roles', ';'],
    ['status', 'deleted'],
    ['status', 'активный'],
    ['providerType', 'Other'],
    ['providerType', 'Fácil'],
    ['id', `${'x'.repeat(35)}ü`],
    ['slug', 'user 1'],
    ['name', 'x'.repeat(256)],
  ])('gets no hint: %s %j', (name, value) => {
    expect(hint(name, value)).toBeUndefined()
  })
})

describe('a refused value', () => {
  it.each<[ColumnName, string, string]>([
    ['phoneNumber', '4.91E+11', 'a spreadsheet rounded this number'],
    ['phoneNumber', '4,91E+11', 'a spreadsheet rounded this number'],
    ['phoneNumber', '4E11', 'a spreadsheet rounded this number'],
    ['phoneNumber', '4.91e+11', 'a spreadsheet rounded this number'],
    ['id', '1.23457E+15', 'a spreadsheet rounded this number'],
    ['birthdate', '1.99E+07', 'a spreadsheet rounded this number'],
    ['id', '1001', 'a number or name of your own belongs into slug'],
    ['id', 'anna.belle', 'a number or name of your own belongs into slug'],
    ['birthdate', '45231', 'likely 2023-11-01: format the column as YYYY-MM-DD'],
    ['birthdate', '33000.5', 'likely 1990-05-07'],
    ['birthdate', '19900504', 'write it as 1990-05-04'],
    ['birthdate', '1990-5-4', 'write it as 1990-05-04'],
    ['birthdate', '5/4/1990', 'day or month first? ask for the import with ?dates=dmy or ?dates=mdy'],
    ['birthdate', '25/12/1990', 'the day comes first: ask for the import with ?dates=dmy'],
    ['birthdate', '12/25/1990', 'the month comes first: ask for the import with ?dates=mdy'],
    ['phoneNumber', '0049 30 901820', 'write + in place of 00: +49 30 901820'],
    ['phoneNumber', '030 901820', 'put + and the country code before it'],
    ['phoneNumber', '+49 30 901820 / +49 30 901821', 'leave only one of them'],
    ['phoneNumber', '+49 30 901820, +49 30 901821', 'leave only one of them'],
    ['email', 'Ann Lee <ann@x.org>', 'is it ann@x.org?'],
    ['email', '<ann@x.org>', 'is it ann@x.org?'],
    ['email', 'mailto:ann@x.org', 'is it ann@x.org?'],
    ['email', 'ann@x.org.', 'is it ann@x.org?'],
    ['email', 'ann@x,org', 'is it ann@x.org?'],
    ['email', 'ann(at)x.org', 'is it ann@x.org?'],
    ['email', 'ann [at] x.org', 'is it ann@x.org?'],
    ['email', 'a@x.org; b@y.org', 'leave only one of them'],
    ['email', 'a@x.org,b@y.org', 'leave only one of them'],
    ['website', 'www.example.org', 'such as https://www.example.org'],
    ['picture', 'example.org/ann.png', 'such as https://example.org/ann.png'],
    ['profile', '//example.org', 'such as https://example.org'],
    ['website', 'bücher.example', 'such as https://bücher.example'],
    ['active', 'on', 'say TRUE or FALSE'],
    ['emailVerified', 'Y.', 'say TRUE or FALSE'],
    ['active', 'Ja', 'say TRUE or FALSE'],
    ['active', 'ТRUE', 'Т in it is U+0422, no letter from A to Z'],
    ['status', 'аctive', 'а in it is U+0430, no letter from A to Z'],
    ['roles', 'owner', 'is it organization_owner?'],
    ['roles', 'organisation-member', 'is it organization_member?'],
    ['roles', 'Owner; Members', 'is it organization_owner, organization_member?'],
  ])('gets a hint: %s %j', (name, value, expected) => {
    expect(hint(name, value)).toContain(expected)
  })

  it.each(['NULL', 'None', 'N/A', 'n/a', '-', '--', 'nil', 'NaN', '(null)'])(
    'that stands for nothing should be left out: %j',
    (value) => {
      for (const name of [
        'id',
        'birthdate',
        'phoneNumber',
        'website',
        'active',
        'zoneinfo',
        'status',
        'roles',
      ] as const) {
        expect(hint(name, value)).toBe('leave the cell blank where there is no value')
      }
    },
  )

  it('tells the other order of a date where only that one is a day', () => {
    expect(hint('birthdate', '25/12/1990', { dates: 'mdy' })).toContain('?dates=dmy')
    expect(hint('birthdate', '12/25/1990', { dates: 'dmy' })).toContain('?dates=mdy')
    expect(hint('birthdate', '31/2/1990', { dates: 'dmy' })).toBeUndefined()
  })

  it('never gets a hint that would be taken for two faults', () => {
    for (const value of [
      '4.91E+11',
      'owner;member',
      'a@x.org; b@y.org',
      'NULL',
      'www.x.org',
      '0049 30 901820',
    ]) {
      for (const { hint } of columns) expect(hint?.(value, { today }) ?? '').not.toContain('; ')
    }
  })
})

describe('a value that looks like a mistake and is none', () => {
  it.each<[ColumnName, string]>([
    ['slug', '4.91E+11'],
    ['providerId', '4.91E+11'],
    ['addressPostal', '45231'],
    ['name', 'NULL'],
    ['familyName', 'None'],
    ['familyName', 'Null'],
    ['gender', '-'],
    ['slug', '1001'],
    ['birthdate', '1990'],
  ])('is good: %s %j', (name, value) => {
    expect(columns[columnIndex[name]]!.schema({ today }).isValidSync(value)).toBe(true)
  })
})
