import type { ColumnName } from '../../src/users/columns.ts'
import * as samples from './samples.ts'

/** Sparse: 9 of the 30 cells are filled. Wide: all but the id. */
export const shapes = ['sparse', 'wide'] as const

/** How many cells of a row are filled. */
export type Shape = (typeof shapes)[number]

/** The filled cells of a row. */
export type Cells = Partial<Record<ColumnName, string>>

/** The row of a number: the same in every run, so that figures of different days are of the same rows. */
export function rowOf(shape: Shape, number: number): Cells {
  const person = personOf(number)
  return shape === 'sparse' ? sparse(person) : { ...sparse(person), ...rest(person) }
}

/** The same row with another name: a row that changes one profile cell. */
export function changedRowOf(shape: Shape, number: number): Cells {
  const row = rowOf(shape, number)
  return { ...row, name: `${row.name ?? ''} Jr.` }
}

interface Person {
  readonly number: number
  readonly given: samples.Name
  readonly family: samples.Name
  /** `given.family.number`, as it stands in addresses. */
  readonly handle: string
}

function personOf(number: number): Person {
  const given = pick(samples.givenNames, number, 1)
  const family = pick(samples.familyNames, number, 2)
  return { number, given, family, handle: `${given[1]}.${family[1]}.${number}` }
}

function sparse({ number, given, family, handle }: Person): Cells {
  return {
    slug: `M-${String(number).padStart(8, '0')}`,
    status: number % 2048 === 0 ? 'active' : pick(samples.statuses, number, 3),
    email: `${handle}@${pick(samples.mailDomains, number, 4)}`,
    name: `${given[0]} ${family[0]}`,
    givenName: given[0],
    familyName: family[0],
    locale: pick(samples.locales, number, 5),
    addressCountry: pick(samples.countries, number, 6),
    roles: number % 2048 === 0 ? 'organization_owner' : pick(samples.roles, number, 7),
  }
}

function rest(person: Person): Cells {
  const { number, handle } = person
  return {
    providerType: number % 3 === 0 ? 'Google' : 'SAML2',
    providerId: `${handle}@idp.example.com`,
    active: number % 50 === 0 && number % 2048 !== 0 ? 'FALSE' : 'TRUE',
    emailVerified: pick(samples.booleans, number, 8),
    phoneNumber: phoneNumberOf(number),
    phoneNumberVerified: pick(samples.booleans, number, 9),
    ...profile(person),
    addressLine1: `${mixed(number, 10) % 400} ${pick(samples.streets, number, 11)}`,
    addressLine2: pick(samples.houses, number, 12) || `No. ${number}`,
    addressCity: pick(samples.cities, number, 13),
    addressState: pick(samples.states, number, 14),
    addressPostal: String(10_000 + (mixed(number, 15) % 89_999)),
  }
}

function profile({ number, handle }: Person): Cells {
  return {
    middleName: pick(samples.middleNames, number, 16),
    nickName: pick(samples.nickNames, number, 17),
    preferredUsername: handle,
    profile: `https://www.example.com/people/${handle}`,
    picture: `https://cdn.example.com/pictures/${mixed(number, 18).toString(16)}/${number}.jpg?size=256`,
    website: `https://${handle.replaceAll('.', '-')}.example.org/`,
    gender: pick(samples.genders, number, 19),
    birthdate: birthdateOf(number),
    zoneinfo: pick(samples.zones, number, 20),
  }
}

/** Six digits differ, none of them a leading zero. */
function phoneNumberOf(number: number): string {
  return pick(samples.dials, number, 21) + String(100_000 + (mixed(number, 22) % 899_999))
}

const DAY = 86_400_000

/** A day of the fifty years from 1955. */
function birthdateOf(number: number): string {
  const day = Date.UTC(1955, 0, 1) + (mixed(number, 23) % 18_262) * DAY
  return new Date(day).toISOString().slice(0, 10)
}

function pick<T>(list: readonly T[], number: number, salt: number): T {
  return list[mixed(number, salt) % list.length]!
}

/** Scatters the numbers of rows over 32 bits: the finalizer of MurmurHash3. */
function mixed(number: number, salt: number): number {
  let hash = Math.imul(number, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
