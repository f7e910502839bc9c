import { describe, expect, it } from '@jest/globals'
import { canonicalPhoneNumber, isPhoneCountry, phoneNumberHint } from '../../src/users/phone-number.ts'

const today = '2026-11-22'
const read = (value: string, country?: string) =>
  canonicalPhoneNumber(value, country === undefined ? { today } : { today, country })

describe('a phone number', () => {
  it.each([
    ...[
      '',
      '+',
      '0',
      '123',
      '030 901820',
      '4155550132',
      '0049 30 901820',
      '++49 30 901820',
      '+49 30 9018x20',
    ],
    ...[
      '+1 415',
      '+1 415 555 01320000',
      '+999 123 456 789',
      '+49 30 901820 ext 3',
      '+49 30 901820;ext=',
      '+49 30 901820;ext=a',
    ],
    ...[
      '+49 30 901820;ext=1;ext=2',
      '4.91E+11',
      '+٤٩٣٠٩٠١٨٢٠',
      'tel:+4930901820',
      '+49 30 901820, +49 30 901821',
      '+1+4155550132',
    ],
  ])('is not %j', (value) => {
    expect(read(value)).toBeUndefined()
  })

  it.each([
    ['+14155550132', '+14155550132'],
    ['+1 (415) 555-0132', '+14155550132'],
    ['+1.415.555.0132', '+14155550132'],
    ['+49 30/901820', '+4930901820'],
    ['+49\u00A030\u00A0901820', '+4930901820'],
    ['+33 1 42 68 53 00;ext=007', '+33142685300;ext=007'],
  ])('is %j', (value, canonical) => {
    expect(read(value)).toBe(canonical)
  })

  it('is a national one only where the country is said', () => {
    expect(read('030 901820', 'DE')).toBe('+4930901820')
    expect(read('(415) 555-0132', 'US')).toBe('+14155550132')
    expect(read('+1 415 555 0132', 'DE')).toBe('+14155550132')
    expect(read('030', 'DE')).toBeUndefined()
    expect(read('1800FLOWERS', 'US')).toBeUndefined()
  })

  it('is its own canonical form', () => {
    for (const value of ['+1 415 555 0132;ext=12', '+49 30 901820'])
      expect(read(read(value)!)).toBe(read(value))
  })
})

describe('a country', () => {
  it('is one of ISO 3166 in capitals', () => {
    expect(['DE', 'US', 'GB'].every(isPhoneCountry)).toBe(true)
    expect(['', 'de', 'XX', 'Germany', '49', '__proto__', 'constructor'].some(isPhoneCountry)).toBe(false)
  })
})

describe('the hint of a refused number', () => {
  it('is none where the cause is not plain', () => {
    expect(phoneNumberHint('abc', { today })).toBeUndefined()
    expect(phoneNumberHint('030 901820', { today, country: 'FR' })).toBeUndefined()
  })
})
