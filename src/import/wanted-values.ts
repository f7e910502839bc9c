import { columnIndex, columns } from '../users/columns.ts'
import { defaultOf } from '../users/grants.ts'
import { withRoles } from '../users/roles.ts'
import { isBlank } from '../users/text.ts'
import { valueOf, type Candidate, type Values } from '../users/user.ts'
import type { KnownUser } from './known-users.ts'

/** The values of a new user: what the row gives, else the defaults. */
export function newValues(candidate: Candidate, id: string): Values {
  const values = candidate.values.map((value, index) => {
    const column = columns[index]
    return value || (column === undefined ? '' : defaultOf(column))
  })
  values[columnIndex.id] = id
  return values
}

/**
 * What a user would be without the row's word on the Verified flags: a flag belongs to the address or number
 * that it was given for. The stored values themselves where that changes nothing.
 */
export function baseValues({ values, keys }: Candidate, user: KnownUser): Readonly<Values> {
  const phoneNumber = valueOf(values, 'phoneNumber')
  const isNewEmail = keys.email !== undefined && keys.email !== user.keys.email
  const isNewNumber = phoneNumber !== undefined && phoneNumber !== valueOf(user.values, 'phoneNumber')
  if (!isNewEmail && !isNewNumber) return user.values
  const base = user.values.slice()
  if (isNewEmail) base[columnIndex.emailVerified] = 'FALSE'
  if (isNewNumber) base[columnIndex.phoneNumberVerified] = 'FALSE'
  return base
}

/** What a user is to be after the row: `base` itself where the row says nothing else. */
export function wantedValues({ values }: Candidate, base: Readonly<Values>): Readonly<Values> {
  let wanted: Values | undefined
  for (let index = 0; index < values.length; index += 1) {
    const given = values[index]
    if (given === undefined) continue
    const value = given === '' && columns[index]?.type === 'boolean' ? 'FALSE' : given
    if (value === base[index]) continue
    wanted ??= base.slice()
    wanted[index] = value
  }
  return wanted ?? base
}

const names = ['name', 'givenName', 'familyName'] as const

/**
 * What a user is to be after a row that only adds: his roles and the row's, and the row's names where his are blank.
 * The stored values themselves where that changes nothing.
 */
export function addedValues({ values }: Candidate, stored: Readonly<Values>): Readonly<Values> {
  const wanted = stored.slice()
  wanted[columnIndex.roles] = withRoles(valueOf(stored, 'roles') ?? '', valueOf(values, 'roles') ?? '')
  for (const name of names) {
    const given = valueOf(values, name)
    if (given && isBlank(valueOf(stored, name))) wanted[columnIndex[name]] = given
  }
  return wanted.every((value, index) => value === stored[index]) ? stored : wanted
}
