import type { ColumnName } from '../users/columns.ts'
import {
  differentKey,
  forbiddenOnSelf,
  lastOwner,
  notUnique,
  repeatedKey,
  repeatedUser,
  type Fault,
  type Wording,
} from '../users/faults.ts'
import { isActiveOwner, takesAway } from '../users/grants.ts'
import { valueOf, type Candidate, type Values } from '../users/user.ts'
import type { Circumstances } from './decision.ts'
import { keyColumn, keyKinds, type KeyKind, type KnownUser, type KnownUsers } from './known-users.ts'

const bits: Readonly<Record<'id' | KeyKind, number>> = { id: 1, slug: 2, provider: 4, email: 8 }

/** Which keys a row gives, one bit each. */
export function gaveOf({ values, keys }: Candidate): number {
  const id = valueOf(values, 'id') === undefined ? 0 : bits.id
  return keyKinds.reduce((gave, kind) => (keys[kind] === undefined ? gave : gave | bits[kind]), id)
}

/** That an earlier row of the file means the user whom the key `by` of this row means. */
export function repeatFault(
  user: KnownUser,
  by: 'id' | KeyKind,
  column: string,
  value: string,
  wording: Wording,
): Fault[] {
  if (user.meant === undefined) return []
  const { row, gave } = user.meant
  const repeated = (gave & bits[by]) === 0 ? repeatedUser : repeatedKey
  return [repeated(column, value, row, wording)]
}

/** What is wrong with the keys of a row that means a user. */
export function keyFaults(
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
export function rightsFaults(
  user: KnownUser,
  wanted: Readonly<Values>,
  circumstances: Circumstances,
): Fault[] {
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
