import { columnNames, type ColumnName } from '../users/columns.ts'
import { emailRequired, forbiddenUser, unknownId, type Fault } from '../users/faults.ts'
import { forbiddenOnExisting, forbiddenOnNew, isActiveOwner, mayChange } from '../users/grants.ts'
import { keysOf, valueOf, type Candidate } from '../users/user.ts'
import { gaveOf, keyFaults, repeatFault, rightsFaults } from './conflicts.ts'
import type { Circumstances, Decision, Entry } from './decision.ts'
import { keyColumn, keyKinds, type KeyKind, type KnownUser, type KnownUsers } from './known-users.ts'
import { addedValues, baseValues, newValues, wantedValues } from './wanted-values.ts'

const invalid = (...faults: readonly Fault[]): Decision => ({ kind: 'invalid', faults })

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
  const { keys, onCreation } = candidate
  return { id, values, keys, onCreation, meant: { row, gave: gaveOf(candidate) } }
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
  const { importer, meaning } = circumstances
  const { candidate } = entry
  const keyed = by === 'id' ? 'id' : keyColumn[by]
  const value = valueOf(candidate.values, keyed) ?? ''
  const column = meaning.wording.nameOf(keyed)
  // Before anything else, so that nothing can be learned of a user whom the caller may not change.
  if (!mayChange(importer.role, user)) return invalid(forbiddenUser(column, value))

  const adds = meaning.merging === 'add'
  const base = adds ? user.values : baseValues(candidate, user)
  const wanted = adds ? addedValues(candidate, base) : wantedValues(candidate, base)
  const repeat = repeatFault(user, by, column, value, meaning.wording)
  if (wanted === user.values && repeat.length === 0) return unchanged(entry, user)

  const keys = adds ? user.keys : keysOf(wanted)
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
