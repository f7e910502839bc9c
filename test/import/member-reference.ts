/**
 * What the contract says in §3 of members, one after the other: plain, slow, and written from the contract alone. It
 * knows the rule of an e-mail address and the sentences from `src/users`, and nothing of `src/import`.
 */
import { columnNames, columns, type ColumnName } from '../../src/users/columns.ts'
import { emailKey } from '../../src/users/email.ts'
import type { Member } from '../../src/users/members.ts'
import { today } from './builders.ts'

/** A user with all that is stored of him; blank is `''`. */
export type ReferenceMember = Record<ColumnName | 'recoveryEmail' | 'isMfaDisabled', string>

/** What became of a member. A created user's id is `new NUMBER`. */
export interface MemberAnswer {
  readonly disposition: 'created' | 'updated' | 'unchanged' | 'invalid'
  /** Code and sentence of each fault. */
  readonly faults: readonly string[]
  readonly id: string | null
}

const isEmail = (value: string): boolean =>
  columns
    .find(({ name }) => name === 'email')!
    .schema({ today })
    .isValidSync(value)

/** The value of a property without white space around it, `''` where it is absent. */
function given(member: Member, name: 'emailAddress' | 'recoveryEmail' | NameProperty): string {
  return (member[name] ?? '').trim()
}

type NameProperty = 'givenName' | 'familyName' | 'displayName'

const namesOf = { givenName: 'givenName', familyName: 'familyName', displayName: 'name' } as const
const limits = { givenName: 100, familyName: 100, displayName: 250 }

function faultsOf(member: Member): string[] {
  const faults: string[] = []
  const must = (name: string, rule: string, value: string): void => {
    faults.push(`${name}.invalid: ${name} must be ${rule}, but has ${value}`)
  }
  const email = given(member, 'emailAddress')
  if (email === '') faults.push('emailAddress.required: emailAddress is required')
  else if (!isEmail(email)) must('emailAddress', 'a valid email', email)
  for (const name of ['givenName', 'familyName', 'displayName'] as const) {
    const value = given(member, name)
    const shown = `${Array.from(value).slice(0, 100).join('')}…`
    if (Array.from(value).length > limits[name]) must(name, `up to ${limits[name]} characters`, shown)
  }
  const recovery = given(member, 'recoveryEmail')
  if (recovery !== '' && !isEmail(recovery)) must('recoveryEmail', 'a valid email', recovery)
  return faults
}

/** Applies members to `users`, which it changes, and answers each. */
export function applyMembers(users: ReferenceMember[], members: readonly Member[]): MemberAnswer[] {
  const meant = new Map<ReferenceMember, number>()
  return members.map((member, index) => {
    const number = index + 1
    const email = given(member, 'emailAddress')
    const faults = faultsOf(member)
    const refused = (why: readonly string[]): MemberAnswer => ({
      disposition: 'invalid',
      faults: why,
      id: null,
    })
    if (faults.length > 0) return refused(faults)
    const user = users.find((each) => emailKey(each.email) === emailKey(email))
    const earlier = user && meant.get(user)
    if (earlier !== undefined) {
      const what = `must be unique among the members, but member ${earlier} has ${email}`
      return refused([`emailAddress.repeated: emailAddress ${what}`])
    }
    const role = member.makeAdmin === true ? 'organization_owner' : 'organization_member'
    if (user === undefined) {
      const created = newUser(member, number, role)
      users.push(created)
      meant.set(created, number)
      return { disposition: 'created', faults: [], id: created.id }
    }
    meant.set(user, number)
    const before = JSON.stringify(user)
    addTo(user, member, role)
    const isSame = JSON.stringify(user) === before
    return { disposition: isSame ? 'unchanged' : 'updated', faults: [], id: user.id }
  })
}

function newUser(member: Member, number: number, role: string): ReferenceMember {
  const blank = Object.fromEntries(columnNames.map((name) => [name, '']))
  return {
    ...(blank as Record<ColumnName, string>),
    id: `new ${number}`,
    providerType: 'Provisioned',
    active: 'TRUE',
    status: 'invited',
    email: given(member, 'emailAddress'),
    emailVerified: 'FALSE',
    phoneNumberVerified: 'FALSE',
    name: given(member, 'displayName'),
    givenName: given(member, 'givenName'),
    familyName: given(member, 'familyName'),
    roles: role,
    recoveryEmail: given(member, 'recoveryEmail'),
    isMfaDisabled: member.isMfaDisabled === true ? 'TRUE' : 'FALSE',
  }
}

function addTo(user: ReferenceMember, member: Member, role: string): void {
  if (!user.roles.split(',').includes(role)) {
    const has = [...user.roles.split(','), role]
    const order = ['organization_owner', 'organization_member', 'organization_constituent']
    user.roles = order.filter((each) => has.includes(each)).join(',')
  }
  for (const [property, column] of Object.entries(namesOf)) {
    if (user[column] === '') user[column] = given(member, property as NameProperty)
  }
}
