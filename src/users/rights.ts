import type { Column, ColumnName } from './columns.ts'
import { roles, type Role } from './roles.ts'
import { valueOf, type StoredUser } from './user.ts'

/** The roles that may import. */
export type ImportingRole = Exclude<Role, 'organization_constituent'>

/** The roles that a caller may grant. He may change only users whose every role is one of them. */
export const mayGrant: Readonly<Record<ImportingRole, readonly Role[]>> = {
  organization_owner: roles,
  organization_member: ['organization_constituent'],
}

/** What a caller may set of a column, beside values that are stored, or the default, already. */
export interface Right {
  /** `sometimes` is as `values` and `when` say. */
  readonly may: 'always' | 'sometimes' | 'never'
  /** The only values that he may set. */
  readonly values?: readonly string[]
  /** When he may set it. */
  readonly when?: string
  /** Whether he may set this value; of this user, where there is one already. */
  readonly allows: (value: string, user?: StoredUser) => boolean
}

const always: Right = { may: 'always', allows: () => true }

const never: Right = { may: 'never', allows: () => false }

const only = (value: string, when: string): Right => ({
  may: 'sometimes',
  values: [value],
  when,
  allows: (given) => given === value,
})

const whileInvited: Right = {
  may: 'sometimes',
  when: 'while the status of the user is invited',
  allows: (_value, user) => user !== undefined && valueOf(user.values, 'status') === 'invited',
}

const memberOnNew: Readonly<Partial<Record<ColumnName, Right>>> = {
  emailVerified: never,
  phoneNumberVerified: never,
  providerId: never,
  roles: only('organization_constituent', 'a constituent'),
}

const memberOnExisting: Readonly<Partial<Record<ColumnName, Right>>> = {
  active: only('FALSE', 'to deactivate'),
  status: only('suspended', 'to suspend'),
  email: whileInvited,
  phoneNumber: whileInvited,
}

/** What a caller of this role may set of a column on a new user; `undefined` may not import. */
export function rightOnNew(role: ImportingRole | undefined, { name }: Column): Right {
  if (role === undefined) return never
  return role === 'organization_owner' ? always : (memberOnNew[name] ?? always)
}

/** What a caller of this role may change of a column of a user whom he may change at all. */
export function rightOnExisting(role: ImportingRole | undefined, { name, profile }: Column): Right {
  if (role === undefined) return never
  if (role === 'organization_owner') return always
  return memberOnExisting[name] ?? (profile ? always : never)
}
