import { columns, type ColumnDefinition, type ColumnName } from './columns.ts'
import { forbiddenValue, type Fault } from './faults.ts'
import { mayGrant, rightOnExisting, rightOnNew, type ImportingRole } from './rights.ts'
import { roles, roleSet } from './roles.ts'
import type { StoredUser, Values } from './user.ts'
import { valueOf } from './user.ts'

/** Who asks for the import, as far as the engine needs to know. */
export interface Importer {
  readonly role: ImportingRole
  /** The caller's own user by id. */
  readonly subject: string
  /** The key of the caller's own e-mail address, for callers whose `subject` is no user's id. */
  readonly emailKey: string | undefined
}

/** The strongest role of a caller that may import, or `undefined` where none may. */
export function importingRole(callerRoles: readonly string[]): ImportingRole | undefined {
  return (['organization_owner', 'organization_member'] as const).find((role) => callerRoles.includes(role))
}

/** The lesser of two roles, of which either may be none that may import. */
export function lesserRole(
  one: ImportingRole | undefined,
  other: ImportingRole | undefined,
): ImportingRole | undefined {
  return one === 'organization_owner' || other === undefined ? other : one
}

/** Those of a list of roles that the caller may not grant. */
function beyondGrant(role: ImportingRole, given: string): readonly string[] {
  return roleSet(given).filter((each) => !(mayGrant[role] as readonly string[]).includes(each))
}

/** Whether a caller may change a user at all: only one whose every role he could grant. */
export function mayChange(role: ImportingRole, user: StoredUser): boolean {
  if (role === 'organization_owner') return true
  return beyondGrant(role, valueOf(user.values, 'roles') ?? '').length === 0
}

/** The value that a new user has in a column which the row leaves blank. */
export function defaultOf(column: ColumnDefinition): string {
  return column.default ?? (column.type === 'boolean' ? 'FALSE' : '')
}

/** What a caller may not set; of roles, as of every list, the value is only those that he may not grant. */
function forbidden(role: ImportingRole, column: ColumnName, value: string): Fault {
  const offending = column === 'roles' ? beyondGrant(role, value) : []
  return forbiddenValue(column, offending.length === 0 ? value : offending.join(','))
}

/** What the caller may not set on a new user with these values. */
export function forbiddenOnNew(role: ImportingRole, values: Readonly<Values>): Fault[] {
  if (role === 'organization_owner') return []
  return columns.flatMap((column, index) => {
    const value = values[index] ?? ''
    if (value === '' || value === defaultOf(column) || rightOnNew(role, column).allows(value)) return []
    return [forbidden(role, column.name, value)]
  })
}

/** What the caller may not change so on an existing user. `base` is what is stored without the row's say. */
export function forbiddenOnExisting(
  role: ImportingRole,
  user: StoredUser,
  base: Readonly<Values>,
  wanted: Readonly<Values>,
): Fault[] {
  if (role === 'organization_owner') return []
  return columns.flatMap((column, index) => {
    const value = wanted[index]
    if (value === undefined || value === base[index] || rightOnExisting(role, column).allows(value, user))
      return []
    return [forbidden(role, column.name, value)]
  })
}

/** Roles that no row of this caller may ever have: a user who has them the caller could not change either. */
export function forbiddenRoles(role: ImportingRole, values: Readonly<Values>): Fault[] {
  if (role === 'organization_owner') return []
  const offending = beyondGrant(role, valueOf(values, 'roles') ?? '')
  return offending.length === 0 ? [] : [forbiddenValue('roles', offending.join(','))]
}

/** The place of a user's strongest role; no role's name is part of another's. */
function rank(user: Readonly<Values>): number {
  const set = valueOf(user, 'roles') ?? ''
  return roles.findIndex((role) => set.includes(role))
}

/** Whether a user with these values is an owner who can act: active and not suspended. */
export function isActiveOwner(values: Readonly<Values>): boolean {
  return (
    rank(values) === 0 && valueOf(values, 'active') === 'TRUE' && valueOf(values, 'status') !== 'suspended'
  )
}

/** The columns by which a change takes a user's rights away. */
export function takesAway(before: Readonly<Values>, after: Readonly<Values>): readonly ColumnName[] {
  const became = (column: ColumnName, value: string): boolean =>
    valueOf(after, column) === value && valueOf(before, column) !== value
  const taken: ColumnName[] = []
  if (became('active', 'FALSE')) taken.push('active')
  if (became('status', 'suspended')) taken.push('status')
  const [was, is] = [rank(before), rank(after)]
  if (was !== -1 && (is === -1 || is > was)) taken.push('roles')
  return taken
}
