import { parsePhoneNumberFromString, isSupportedCountry, type CountryCode } from 'libphonenumber-js'
import type { ReadingOptions } from './rules.ts'

const international = /^\(?\+[\d\s()./-]+(?:;ext=\d{1,15})?$/
const national = /^\(?\+?[\d\s()./-]+(?:;ext=\d{1,15})?$/

/** Whether phone numbers of a country, ISO 3166-1 alpha-2, can be read. */
export function isPhoneCountry(country: string): boolean {
  return isSupportedCountry(country)
}

/** A phone number as E.164, its extension as RFC 3966 has it; `undefined` where it is none. */
export function canonicalPhoneNumber(value: string, { country }: ReadingOptions): string | undefined {
  if (value.length > 64 || !(country === undefined ? international : national).test(value)) return undefined
  // Some put the country code into brackets; the library knows it only without.
  const [number = '', extension] = value.replace(/^\((\+\d+)\)/, '$1').split(';ext=')
  const parsed = parsePhoneNumberFromString(number, {
    ...(country === undefined ? {} : { defaultCountry: country as CountryCode }),
    extract: false,
  })
  if (parsed?.isPossible() !== true) return undefined
  return extension === undefined ? parsed.number : `${parsed.number};ext=${extension}`
}

/** How to mend a number that was refused, where the cause is plain. */
export function phoneNumberHint(value: string, { country }: ReadingOptions): string | undefined {
  if (/^[+-]?\d+(?:[.,]\d+)?E\+?\d+$/i.test(value)) {
    return 'a spreadsheet rounded this number: format the column as text and enter it again'
  }
  if (country === undefined && /^[\d\s()./-]{5,}$/.test(value)) {
    return 'put + and the country code before it, or ask for the import with ?country=, such as ?country=DE'
  }
  return undefined
}
