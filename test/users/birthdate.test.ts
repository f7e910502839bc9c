import { describe, expect, it } from '@jest/globals'
import { birthdateHint, canonicalBirthdate } from '../../src/users/birthdate.ts'

const today = '2026-11-22'
const read = (value: string, dates?: 'dmy' | 'mdy') =>
  canonicalBirthdate(value, dates === undefined ? { today } : { today, dates })

describe('a birthdate', () => {
  it.each([
    ...[
      '',
      '0',
      '19',
      '199',
      '19900',
      '0000',
      '2027',
      '9999',
      'May 1990',
      '1990-05',
      '1990-5-4',
      '90-05-04',
      '19900504',
    ],
    ...[
      '2023-02-29',
      '1900-02-29',
      '2100-02-29',
      '1990-02-30',
      '1990-04-31',
      '1990-00-10',
      '1990-13-01',
      '1990-01-00',
      '1990-01-32',
    ],
    ...[
      '2026-11-23',
      '2027-01-01',
      '23.11.2026',
      '1990-05-04T25:00',
      '1990-05-04T10:60',
      '1990-05-04T',
      '1990-05-04 noon',
    ],
    ...[
      '5/4/1990',
      '13/1/1990',
      '5-4-1990',
      '4-5-1990',
      '31.4.1990',
      '4.13.1990',
      '4.5.90',
      '04-Mai-1990',
      '04-Foo-1990',
      '31-Feb-1990',
    ],
    ...['-1990-05-04', '+1990-05-04', '１９９０-05-04', '1990-05-04\n', 'yesterday', '1990-05-04T10:00+25'],
  ])('is not %j', (value) => {
    expect(read(value)).toBeUndefined()
  })

  it.each([
    ['1990-05-04', '1990-05-04'],
    ['0000-05-04', '0000-05-04'],
    ['0000-02-29', '0000-02-29'],
    ['2000-02-29', '2000-02-29'],
    ['2024-02-29', '2024-02-29'],
    ['1990', '1990'],
    ['2026', '2026'],
    ['2026-11-22', '2026-11-22'],
    ['1990/05/04', '1990-05-04'],
    ['1990/5/4', '1990-05-04'],
    ['1990-05-04T00:00', '1990-05-04'],
    ['1990-05-04 00:00:00', '1990-05-04'],
    ['1990-05-04T23:59:59.999Z', '1990-05-04'],
    ['1990-05-04T23:30:00-11:00', '1990-05-04'],
    ['1990-05-04t01:00:00+1400', '1990-05-04'],
    ['4.5.1990', '1990-05-04'],
    ['04.05.1990', '1990-05-04'],
    ['04-May-1990', '1990-05-04'],
    ['4-DECEMBER-1990', '1990-12-04'],
    ['29-feb-2000', '2000-02-29'],
  ])('is %j', (value, canonical) => {
    expect(read(value)).toBe(canonical)
  })

  it('is read with slashes only in the order that is said', () => {
    expect(read('5/4/1990', 'dmy')).toBe('1990-04-05')
    expect(read('5/4/1990', 'mdy')).toBe('1990-05-04')
    expect(read('13/4/1990', 'dmy')).toBe('1990-04-13')
    expect(read('13/4/1990', 'mdy')).toBeUndefined()
    expect(read('4.5.1990', 'mdy')).toBe('1990-05-04')
  })

  it('is its own canonical form', () => {
    for (const value of ['1990/5/4', '0000-02-29', '1990']) expect(read(read(value)!)).toBe(read(value))
  })
})

describe('the hint of a refused date', () => {
  it('is none where the cause is not plain', () => {
    expect(birthdateHint('1990-02-30', { today })).toBeUndefined()
  })

  it('asks for the order of day and month', () => {
    expect(birthdateHint('5/4/1990', { today })).toMatch('?dates=dmy')
  })
})
