/**
 * What the contract says in 1.5 and 1.6, one row after the other: plain, slow, and written from the contract
 * alone. It knows the rules of single cells and the sentences from `src/users`, and nothing of `src/import`.
 */
import { domainToASCII } from 'node:url'
import type { Row } from '../../src/import/row.ts'
import { columnNames, columns, type ColumnName } from '../../src/users/columns.ts'
import {
  differentKey,
  emailRequired,
  forbiddenOnSelf,
  forbiddenUser,
  forbiddenValue,
  invalidValue,
  lastOwner,
  needsProviderType,
  notUnique,
  repeatedKey,
  repeatedUser,
  unknownId,
  type Fault,
} from '../../src/users/faults.ts'
import type { Importer } from '../../src/users/grants.ts'

/** A user: every column has a value, blank is `''`. */
export type ReferenceUser = Record<ColumnName, string>

/** What became of a row. A created user's id is `new ROW`. */
export interface ReferenceAnswer {
  readonly disposition: 'created' | 'updated' | 'unchanged' | 'invalid' | 'skipped'
  readonly faults: readonly Fault[]
  readonly id: string | null
  readonly changed: readonly ColumnName[]
}

/** An import, as far as its verdicts depend on it. */
export interface ReferenceImport {
  readonly importer: Importer
  readonly layout: readonly ColumnName[]
  readonly rows: readonly Row[]
  readonly clearBlanks: boolean
  readonly today: string
}

/** The cells of a row that are not blank, in canonical form; `''` where a blank cell clears. */
type Given = Partial<Record<ColumnName, string>>

type Key = 'id' | 'slug' | 'provider' | 'email'
const strongestFirst: readonly Key[] = ['id', 'slug', 'provider', 'email']

/** An earlier row of the file that meant a user, and the keys that stood in it. */
interface Meant {
  readonly row: number
  readonly keys: readonly Key[]
}

/** Applies the rows to `users`, which it changes, and answers each. */
export function applyRows(users: ReferenceUser[], asked: ReferenceImport): ReferenceAnswer[] {
  const meant = new Map<ReferenceUser, Meant>()
  const subjectIsUser = users.some(({ id }) => id === asked.importer.subject)
  return asked.rows.map((row) => applyRow(row, { ...asked, users, meant, subjectIsUser }))
}

interface State extends ReferenceImport {
  readonly users: ReferenceUser[]
  readonly meant: Map<ReferenceUser, Meant>
  readonly subjectIsUser: boolean
}

const refused = (faults: readonly Fault[]): ReferenceAnswer => ({
  disposition: 'invalid',
  faults: [...faults].sort((one, other) => place(one) - place(other)),
  id: null,
  changed: [],
})

const place = ({ column }: Fault): number => columnNames.indexOf(column as ColumnName)

function applyRow(row: Row, state: State): ReferenceAnswer {
  if (row.cells.every((cell) => cell.trim() === '')) {
    return { disposition: 'skipped', faults: [], id: null, changed: [] }
  }
  const { given, faults } = readCells(row, state)
  if (faults.length > 0) return refused(faults)
  for (const key of strongestFirst) {
    const value = keyIn(given, key)
    if (value === undefined) continue
    const user = state.users.find((each) => keyIn(each, key) === value)
    if (user !== undefined) return changeUser(row.number, given, user, key, state)
    if (key === 'id') return refused([unknownId(value)])
  }
  return createUser(row.number, given, state)
}

/** What the row alone says: good values, and every fault that needs no look at the users. */
function readCells(row: Row, state: State): { given: Given; faults: Fault[] } {
  const given: Given = {}
  const faults: Fault[] = []
  const anyKey = state.layout.some(
    (name, position) =>
      ['id', 'slug', 'providerId', 'email'].includes(name) && (row.cells[position] ?? '').trim() !== '',
  )
  state.layout.forEach((name, position) => {
    const column = columns.find((each) => each.name === name)!
    const cell = row.cells[position]
    if (cell === undefined) return
    const value = cell.trim()
    if (value === '') {
      if (state.clearBlanks && column.clearable) given[name] = ''
      return
    }
    const schema = column.schema({ today: state.today })
    if (schema.isValidSync(value)) given[name] = schema.cast(value)!
    else {
      faults.push(
        invalidValue(
          column,
          column.offending?.(value) ?? value,
          column.hint?.(value, { today: state.today }),
        ),
      )
    }
  })
  const typeIsFaulty = faults.some(({ column }) => column === 'providerType')
  if (given.providerId && given.providerType === undefined && !typeIsFaulty) {
    faults.push(needsProviderType(given.providerId))
  }
  // Without a key it can mean nobody but a new user, so what is asked of one can be told already.
  if (!anyKey) faults.push(emailRequired(), ...faultsOfNew(given, state.importer))
  const beyond = beyondGrant(state.importer, given.roles ?? '')
  if (beyond !== '') faults.push(forbiddenValue('roles', beyond))
  return { given, faults }
}

/** Those of the roles that the caller may not grant. */
const beyondGrant = ({ role }: Importer, roles: string): string =>
  role === 'organization_owner'
    ? ''
    : roles.replace(/organization_constituent,?|,organization_constituent/, '')

/** A key of a user or of a row, in the form in which it is compared. */
function keyIn(values: Given, key: Key): string | undefined {
  if (key === 'id') return values.id || undefined
  if (key === 'slug') return values.slug ? caseless(values.slug) : undefined
  if (key === 'email') return values.email ? comparedEmail(values.email) : undefined
  return values.providerType && values.providerId
    ? JSON.stringify([values.providerType, values.providerId])
    : undefined
}

const caseless = (text: string): string => text.normalize('NFC').toLowerCase()

function comparedEmail(email: string): string {
  const [local = '', domain = ''] = email.split('@')
  return `${caseless(local)}@${domainToASCII(domain)}`
}

const keysGiven = (given: Given): Key[] => strongestFirst.filter((key) => keyIn(given, key) !== undefined)

/** The column that a sentence names for a key that stands in the row, or that the row changes. */
function columnOf(key: Key, given: Given): ColumnName {
  if (key !== 'provider') return key
  return given.providerId === undefined ? 'providerType' : 'providerId'
}

/** What a member may not give a new user; the roles are told of every row. */
function faultsOfNew(given: Given, { role }: Importer): Fault[] {
  if (role === 'organization_owner') return []
  return (['providerId', 'emailVerified', 'phoneNumberVerified'] as const).flatMap((name) => {
    const value = given[name] ?? ''
    return value === '' || value === 'FALSE' ? [] : [forbiddenValue(name, value)]
  })
}

function createUser(row: number, given: Given, state: State): ReferenceAnswer {
  const user = Object.fromEntries(
    columns.map(({ name, default: byDefault, type }) => [
      name,
      given[name] || byDefault || (type === 'boolean' ? 'FALSE' : ''),
    ]),
  ) as ReferenceUser
  const faults = [
    ...(given.email === undefined ? [emailRequired()] : []),
    ...faultsOfNew(given, state.importer),
  ]
  if (faults.length > 0) return refused(faults)
  user.id = `new ${row}`
  state.users.push(user)
  state.meant.set(user, { row, keys: keysGiven(given) })
  return { disposition: 'created', faults: [], id: user.id, changed: [] }
}

function changeUser(row: number, given: Given, user: ReferenceUser, by: Key, state: State): ReferenceAnswer {
  const decidingColumn = columnOf(by, given)
  const decidingValue = given[decidingColumn] ?? ''
  if (beyondGrant(state.importer, user.roles) !== '')
    return refused([forbiddenUser(decidingColumn, decidingValue)])

  const after = valuesAfter(given, user)
  const faults = [
    ...faultsOfRepeat(decidingColumn, decidingValue, by, state.meant.get(user)),
    ...strongestFirst.slice(1).flatMap((key) => faultsOfKey(key, given, user, after, by, state)),
    ...faultsOfRights(given, user, after, state),
    ...faultsOfTaking(user, after, state),
  ]
  if (faults.length > 0) return refused(faults)

  const changed = columnNames.filter((name) => after[name] !== user[name])
  Object.assign(user, after)
  state.meant.set(user, { row, keys: keysGiven(given) })
  return { disposition: changed.length > 0 ? 'updated' : 'unchanged', faults: [], id: user.id, changed }
}

/** The user with the row's values: a blank cell leaves alone or clears, a flag falls with what it vouched for. */
function valuesAfter(given: Given, user: ReferenceUser): ReferenceUser {
  const after = { ...user, ...given }
  if (given.emailVerified === '') after.emailVerified = 'FALSE'
  if (given.phoneNumberVerified === '') after.phoneNumberVerified = 'FALSE'
  const emailChanges = keyIn(after, 'email') !== keyIn(user, 'email')
  if (emailChanges && given.emailVerified !== 'TRUE') after.emailVerified = 'FALSE'
  const phoneChanges = after.phoneNumber !== user.phoneNumber
  if (phoneChanges && given.phoneNumberVerified !== 'TRUE') after.phoneNumberVerified = 'FALSE'
  return after
}

function faultsOfRepeat(column: ColumnName, value: string, by: Key, meant: Meant | undefined): Fault[] {
  if (meant === undefined) return []
  return [
    meant.keys.includes(by) ? repeatedKey(column, value, meant.row) : repeatedUser(column, value, meant.row),
  ]
}

/** A key may not be another user's, and a weaker key may not change a stronger one. */
function faultsOfKey(
  key: Key,
  given: Given,
  user: ReferenceUser,
  after: ReferenceUser,
  by: Key,
  { users, meant }: State,
): Fault[] {
  const wanted = keyIn(after, key)
  const has = keyIn(user, key)
  if (wanted === undefined || wanted === has) return []
  const column = columnOf(key, given)
  // A repeated row says nothing new of a pair that it only half gives.
  if (column === 'providerType' && meant.has(user)) return []
  const value = after[column]
  const holder = users.find((each) => each !== user && keyIn(each, key) === wanted)
  if (holder !== undefined) {
    const earlier = meant.get(holder)
    return [
      earlier?.keys.includes(key) === true
        ? repeatedKey(column, value, earlier.row)
        : notUnique(column, value),
    ]
  }
  const isStronger = strongestFirst.indexOf(key) < strongestFirst.indexOf(by)
  if (!isStronger || has === undefined) return []
  // Of a pair the half that differs is named.
  const differing = key === 'provider' && after.providerId === user.providerId ? 'providerType' : column
  const byColumn = by === 'provider' ? 'providerId' : by
  return [differentKey(differing, after[differing], user[differing], byColumn)]
}

/** What a member may not change of a constituent. */
function faultsOfRights(
  given: Given,
  user: ReferenceUser,
  after: ReferenceUser,
  { importer }: State,
): Fault[] {
  if (importer.role === 'organization_owner') return []
  const falls = {
    emailVerified: keyIn(after, 'email') !== keyIn(user, 'email'),
    phoneNumberVerified: after.phoneNumber !== user.phoneNumber,
  }
  return columns.flatMap(({ name, profile }) => {
    if (given[name] === undefined) return []
    const isFlag = name === 'emailVerified' || name === 'phoneNumberVerified'
    // A flag that falls with its address was not asked for; one that is given to a new address was.
    const stored = isFlag && falls[name] ? 'FALSE' : user[name]
    const value = after[name]
    if (value === stored || profile) return []
    if (name === 'active' && value === 'FALSE') return []
    if (name === 'status' && value === 'suspended') return []
    if ((name === 'email' || name === 'phoneNumber') && user.status === 'invited') return []
    return [forbiddenValue(name, value)]
  })
}

const isActiveOwner = ({ roles, active, status }: ReferenceUser): boolean =>
  roles.split(',').includes('organization_owner') && active === 'TRUE' && status !== 'suspended'

const strongestRole = ({ roles }: ReferenceUser): number =>
  ['organization_constituent', 'organization_member', 'organization_owner'].findLastIndex((role) =>
    roles.split(',').includes(role),
  )

/** Nobody takes away his own rights, or the organization's last active owner. */
function faultsOfTaking(user: ReferenceUser, after: ReferenceUser, state: State): Fault[] {
  const taking: ColumnName[] = []
  if (after.active === 'FALSE' && user.active !== 'FALSE') taking.push('active')
  if (after.status === 'suspended' && user.status !== 'suspended') taking.push('status')
  if (strongestRole(after) < strongestRole(user)) taking.push('roles')
  if (isOwnUser(user, state)) return taking.map((column) => forbiddenOnSelf(column, after[column]))
  const isLast = isActiveOwner(user) && state.users.filter(isActiveOwner).length === 1
  // Only what makes him no active owner leaves the organization without one.
  return isLast && !isActiveOwner(after) ? taking.map((column) => lastOwner(column, after[column])) : []
}

/** The user of the token's subject; where nobody has that id, the one who has the token's e-mail address. */
function isOwnUser(user: ReferenceUser, { importer, subjectIsUser }: State): boolean {
  if (subjectIsUser) return user.id === importer.subject
  return importer.emailKey !== undefined && keyIn(user, 'email') === importer.emailKey
}
