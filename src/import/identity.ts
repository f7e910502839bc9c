import { columnIndex, columnNames, columns, type ColumnName } from '../users/columns.ts'
import {
  differentKey,
  emailRequired,
  forbiddenOnSelf,
  forbiddenUser,
  lastOwner,
  notUnique,
  repeatedKey,
  repeatedUser,
  unknownId,
  type Fault,
} from '../users/faults.ts'
import {
  defaultOf,
  forbiddenOnExisting,
  forbiddenOnNew,
  isActiveOwner,
  mayChange,
  takesAway,
  type Importer,
} from '../users/grants.ts'
import { keysOf, valueOf, type Candidate, type Values } from '../users/user.ts'
import { keyColumn, keyKinds, type KeyKind, type KnownUser, type KnownUsers } from './known-users.ts'

/** A candidate on its way into the database. */
export interface Entry {
  /** The row's number. */
  readonly row: number
  readonly candidate: Candidate
  /** Its place in the batch. */
  readonly index: number
}

/** What a row comes to. `wave` orders what is stored: a key that is handed on goes to the next wave. */
export type Decision =
  | { readonly kind: 'create'; readonly user: KnownUser; readonly wave: number }
  | {
      readonly kind: 'update'
      readonly user: KnownUser
      readonly changed: readonly ColumnName[]
      readonly wave: number
    }
  | { readonly kind: 'unchanged'; readonly user: KnownUser }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }

/** What must be known to decide beside the users. */
export interface Circumstances {
  readonly importer: Importer
  /** Whether the caller's `subject` is the id of a user; else his own user is told by e-mail address. */
  readonly subjectIsUser: boolean
  /** The active owners of the organization as the rows so far leave them. */
  activeOwners: number
  /** The id that the user of an entry gets: the same in every attempt, so that a second says the same. */
  readonly newId: (index: number) => string
}

const invalid = (...faults: readonly Fault[]): Decision => ({ kind: 'invalid', faults })

const bits: Readonly<Record<'id' | KeyKind, number>> = { id: 1, slug: 2, provider: 4, email: 8 }

/** Which keys a row gives, one bit each. */
function gaveOf({ values, keys }: Candidate): number {
  const id = valueOf(values, 'id') === undefined ? 0 : bits.id
  return keyKinds.reduce((gave, kind) => (keys[kind] === undefined ? gave : gave | bits[kind]), id)
}

/**
 * Decides what a row comes to after all rows before it, and applies it to the known users.
 *
 * Keys are tried from the strongest to the weakest; the first that a user has decides whom the row means.
 */
export function decide(entry: Entry, known: KnownUsers, circumstances: Circumstances): Decision {
  const { values, keys } = entry.candidate
  const id = valueOf(values, 'id')
  if (id !== undefined) {
    const user = known.withId(id)
    return user === undefined ? invalid(unknownId(id)) : change(entry, user, 'id', known, circumstances)
  }
  for (const kind of keyKinds) {
    const key = keys[kind]
    const user = key === undefined ? undefined : known.withKey(kind, key)
    if (user !== undefined) return change(entry, user, kind, known, circumstances)
  }
  return create(entry, known, circumstances)
}

/** The values of a new user: what the row gives, else the defaults. */
function newValues(candidate: Candidate, id: string): Values {
  const values = candidate.values.map((value, index) => {
    const column = columns[index]
    return value || (column === undefined ? '' : defaultOf(column))
  })
  values[columnIndex.id] = id
  return values
}

/** What forbids that a row creates a user. */
function faultsOfNew({ values, keys }: Candidate, { importer }: Circumstances): Fault[] {
  const missing = keys.email === undefined ? [emailRequired()] : []
  return [...missing, ...forbiddenOnNew(importer.role, values)]
}

/** The user whom a row creates if it means nobody yet, or `undefined` where it can't create one. */
export function newUser(entry: Entry, circumstances: Circumstances): KnownUser | undefined {
  if (faultsOfNew(entry.candidate, circumstances).length > 0) return undefined
  return userOf(entry, circumstances)
}

function userOf({ candidate, index, row }: Entry, { newId }: Circumstances): KnownUser {
  const id = newId(index)
  const values = newValues(candidate, id)
  // A row without providerType has no providerId, so the defaults add no key.
  return { id, values, keys: candidate.keys, meant: { row, gave: gaveOf(candidate) } }
}

function create(entry: Entry, known: KnownUsers, circumstances: Circumstances): Decision {
  const faults = faultsOfNew(entry.candidate, circumstances)
  if (faults.length > 0) return invalid(...inColumnOrder(faults))
  const user = userOf(entry, circumstances)
  if (isActiveOwner(user.values)) circumstances.activeOwners += 1
  return { kind: 'create', user, wave: known.create(user) }
}

function change(
  entry: Entry,
  user: KnownUser,
  by: 'id' | KeyKind,
  known: KnownUsers,
  circumstances: Circumstances,
): Decision {
  const { importer } = circumstances
  const { candidate } = entry
  const column = by === 'id' ? 'id' : keyColumn[by]
  const value = valueOf(candidate.values, column) ?? ''
  // Before anything else, so that nothing can be learned of a user whom the caller may not change.
  if (!mayChange(importer.role, user)) return invalid(forbiddenUser(column, value))

  const base = baseValues(candidate, user)
  const wanted = wantedValues(candidate, base)
  const repeat = repeatFault(user, by, column, value)
  if (wanted === user.values && repeat.length === 0) return unchanged(entry, user)

  const keys = keysOf(wanted)
  const faults = [
    ...repeat,
    ...keyFaults(candidate, keys, user, by, known),
    ...forbiddenOnExisting(importer.role, user, base, wanted),
    ...rightsFaults(user, wanted, circumstances),
  ]
  if (faults.length > 0) return invalid(...inColumnOrder(faults))

  if (isActiveOwner(user.values)) circumstances.activeOwners -= 1
  if (isActiveOwner(wanted)) circumstances.activeOwners += 1
  const changed = columnNames.filter((_, index) => wanted[index] !== user.values[index])
  user.meant = { row: entry.row, gave: gaveOf(candidate) }
  return { kind: 'update', user, changed, wave: known.change(user, wanted, keys) }
}

function unchanged({ row, candidate }: Entry, user: KnownUser): Decision {
  user.meant = { row, gave: gaveOf(candidate) }
  return { kind: 'unchanged', user }
}

function inColumnOrder(faults: Fault[]): Fault[] {
  const place = ({ column }: Fault): number => columnNames.indexOf(column as ColumnName)
  return faults.sort((one, other) => place(one) - place(other))
}

/**
 * What a user would be without the row's word on the Verified flags: a flag belongs to the address or number
 * that it was given for. The stored values themselves where that changes nothing.
 */
function baseValues({ values, keys }: Candidate, user: KnownUser): Readonly<Values> {
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
function wantedValues({ values }: Candidate, base: Readonly<Values>): Readonly<Values> {
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

function repeatFault(user: KnownUser, by: 'id' | KeyKind, column: ColumnName, value: string): Fault[] {
  if (user.meant === undefined) return []
  const { row, gave } = user.meant
  return [(gave & bits[by]) === 0 ? repeatedUser(column, value, row) : repeatedKey(column, value, row)]
}

/** What is wrong with the keys of a row that means a user. */
function keyFaults(
  candidate: Candidate,
  keys: Candidate['keys'],
  user: KnownUser,
  by: 'id' | KeyKind,
  known: KnownUsers,
): Fault[] {
  return keyKinds.flatMap((kind) => {
    const key = keys[kind]
    if (key === user.keys[kind]) return []
    // A repeated row says nothing new of a pair that it only half gives.
    if (kind === 'provider' && candidate.keys.provider === undefined && user.meant !== undefined) return []
    const column = columnOfKey(kind, candidate)
    const value = valueOf(candidate.values, column) ?? ''
    const holder = key === undefined ? undefined : known.withKey(kind, key)
    if (holder !== undefined) return [takenKey(holder, kind, column, value)]
    if (key === undefined || !isStronger(kind, by) || user.keys[kind] === undefined) return []
    return [differentFault(column, candidate, user, by)]
  })
}

/** Of a pair, the sentence names the half that differs. */
function differentFault(
  column: ColumnName,
  { values }: Candidate,
  user: KnownUser,
  by: 'id' | KeyKind,
): Fault {
  const stored = valueOf(user.values, column)
  const half = column === 'providerId' && stored === valueOf(values, column) ? 'providerType' : column
  const weaker = by === 'id' ? by : keyColumn[by]
  return differentKey(half, valueOf(values, half) ?? '', valueOf(user.values, half) ?? '', weaker)
}

/** A row that gives only a providerType changes the pair as well. */
function columnOfKey(kind: KeyKind, { values }: Candidate): ColumnName {
  return kind === 'provider' && valueOf(values, 'providerId') === undefined ? 'providerType' : keyColumn[kind]
}

const strength = (kind: 'id' | KeyKind): number => (kind === 'id' ? -1 : keyKinds.indexOf(kind))

const isStronger = (kind: KeyKind, than: 'id' | KeyKind): boolean => strength(kind) < strength(than)

function takenKey(holder: KnownUser, kind: KeyKind, column: ColumnName, value: string): Fault {
  const { meant } = holder
  return meant === undefined || (meant.gave & bits[kind]) === 0
    ? notUnique(column, value)
    : repeatedKey(column, value, meant.row)
}

/** No row demotes, suspends or deactivates the caller's own user or the last active owner. */
function rightsFaults(user: KnownUser, wanted: Readonly<Values>, circumstances: Circumstances): Fault[] {
  const taken = takesAway(user.values, wanted)
  const faults = (fault: typeof lastOwner): Fault[] =>
    taken.map((column) => fault(column, valueOf(wanted, column) ?? ''))
  if (isOwnUser(user, circumstances)) return faults(forbiddenOnSelf)
  const isLast = isActiveOwner(user.values) && !isActiveOwner(wanted) && circumstances.activeOwners <= 1
  return isLast ? faults(lastOwner) : []
}

function isOwnUser(user: KnownUser, { importer, subjectIsUser }: Circumstances): boolean {
  if (subjectIsUser) return user.id === importer.subject
  return importer.emailKey !== undefined && user.keys.email === importer.emailKey
}
