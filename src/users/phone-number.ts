import { parsePhoneNumberFromString, isSupportedCountry, type CountryCode } from 'libphonenumber-js'
import { plainPhoneNumber } from './numbering-plans.ts'
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
  const plain = plainPhoneNumber(value)
  if (plain !== undefined) return plain
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
export function phoneNumberHint(value: string, options: ReadingOptions): string | undefined {
  if (value.length > 200) return undefined
  const withPlus = value.replace(/^\(?00\)?\s*(?=[1-9])/, '+')
  if (withPlus !== value && canonicalPhoneNumber(withPlus, options) !== undefined) {
    return `write + in place of 00: ${withPlus}`
  }
  const numbers = value.split(/[,;|]|\bor\b|\/(?=\s*\+)/).map((part) => part.trim())
  if (numbers.length > 1 && numbers.every((part) => canonicalPhoneNumber(part, options) !== undefined)) {
    return 'a user has one phone number: leave only one of them'
  }
  if (options.country === undefined && /^[\d\s()./-]{5,}$/.test(value)) {
    return 'put + and the country code before it, or ask for the import with ?country=, such as ?country=DE'
  }
  return undefined
}
