import { columnIndex, type ColumnName } from './columns.ts'
import { emailKey } from './email.ts'
import { caseless } from './text.ts'

/**
 * A user's values in canonical form, in the order of `columns`. In a stored user blank is `''`; in a
 * candidate `undefined` leaves the stored value alone and `''` clears it.
 */
export type Values = (string | undefined)[]

/** A new user's values in canonical form, in the order of `creationColumns`; blank is `''`. */
export type CreationValues = readonly string[]

/** The keys of a user in the form in which they are compared; `undefined` where the user has none. */
export interface Keys {
  readonly slug: string | undefined
  /** providerType and providerId, joined as {@link providerKey} does. */
  readonly provider: string | undefined
  readonly email: string | undefined
}

/** A row whose every cell is good: what it asks the user to be. */
export interface Candidate {
  readonly values: Readonly<Values>
  readonly keys: Keys
  /** What is stored only if the row creates its user; `undefined` where such rows say nothing of it. */
  readonly onCreation?: CreationValues | undefined
}

/** A user as the organization has it. */
export interface StoredUser {
  readonly id: string
  readonly values: Readonly<Values>
  readonly keys: Keys
}

/** The key that providerType and providerId make together. They are compared as they stand. */
export function providerKey(providerType: string, providerId: string): string {
  return `${providerType} ${providerId}`
}

/** Takes a provider key apart: no providerType holds a space. */
export function providerPair(key: string): readonly [providerType: string, providerId: string] {
  const space = key.indexOf(' ')
  return [key.slice(0, space), key.slice(space + 1)]
}

const present = (value: string | undefined): value is string => value !== undefined && value !== ''

/** The provider key among the values of a user or a candidate. */
export function providerOf(values: Readonly<Values>): string | undefined {
  const providerId = values[columnIndex.providerId]
  if (!present(providerId)) return undefined
  const providerType = values[columnIndex.providerType]
  return present(providerType) ? providerKey(providerType, providerId) : undefined
}

/** The keys among the values of a user or a candidate. */
export function keysOf(values: Readonly<Values>): Keys {
  const slug = values[columnIndex.slug]
  const email = values[columnIndex.email]
  return {
    slug: present(slug) ? caseless(slug) : undefined,
    provider: providerOf(values),
    email: present(email) ? emailKey(email) : undefined,
  }
}

/** The canonical value of a column. */
export function valueOf(values: Readonly<Values>, column: ColumnName): string | undefined {
  return values[columnIndex[column]]
}
