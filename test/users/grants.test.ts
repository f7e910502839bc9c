import { describe, expect, it } from '@jest/globals'
import { columnIndex, columnNames, type ColumnName } from '../../src/users/columns.ts'
import {
  forbiddenOnExisting,
  forbiddenOnNew,
  forbiddenRoles,
  importingRole,
  isActiveOwner,
  mayChange,
} from '../../src/users/grants.ts'
import { buildUser, type Given } from '../import/builders.ts'

const owner = 'organization_owner'
const member = 'organization_member'
const constituent = 'organization_constituent'

describe('who may import', () => {
  it.each([[[]], [[constituent]], [['admin', 'Organization_Owner', 'organization_owners']]])(
    'is not %j',
    (roles) => {
      expect(importingRole(roles)).toBeUndefined()
    },
  )

  it('is an owner, else a member', () => {
    expect(importingRole([constituent, member, owner])).toBe(owner)
    expect(importingRole([constituent, member])).toBe(member)
  })
})

describe('whom a caller may change', () => {
  it.each([owner, member, `${owner},${constituent}`, `${member},${constituent}`])(
    'is for a member not who has %s',
    (roles) => {
      expect(mayChange(member, buildUser({ roles }))).toBe(false)
    },
  )

  it('is for a member a constituent, for an owner anybody', () => {
    expect(mayChange(member, buildUser({ roles: constituent }))).toBe(true)
    for (const roles of [owner, member, constituent])
      expect(mayChange(owner, buildUser({ roles }))).toBe(true)
  })
})

describe('which roles a caller may grant', () => {
  const values = (roles: string) => buildUser({ roles }).values

  it.each([owner, member, `${member},${constituent}`])('is for a member not %s', (roles) => {
    expect(forbiddenRoles(member, values(roles)).map(({ code }) => code)).toEqual(['roles.forbidden'])
  })

  it('says which of the roles it is about, and no other', () => {
    const [fault] = forbiddenRoles(member, values(`${owner},${constituent}`))
    expect(fault?.value).toBe(owner)
    expect(fault?.message).toBe(`roles may be set so only by an organization_owner, but has ${owner}`)
  })

  it('is for a member that of a constituent, for an owner any', () => {
    expect(forbiddenRoles(member, values(constituent))).toEqual([])
    for (const roles of [owner, member, `${owner},${member}`])
      expect(forbiddenRoles(owner, values(roles))).toEqual([])
  })
})

/** A value of each column that is neither blank nor the default, and another. */
const two: Readonly<Record<Exclude<ColumnName, 'id'>, readonly [string, string]>> = {
  slug: ['s1', 's2'],
  providerType: ['Local', 'Google'],
  providerId: ['p1', 'p2'],
  active: ['FALSE', 'TRUE'],
  status: ['active', 'suspended'],
  email: ['a@x.org', 'b@x.org'],
  emailVerified: ['TRUE', 'FALSE'],
  phoneNumber: ['+14155550132', '+33142685300'],
  phoneNumberVerified: ['TRUE', 'FALSE'],
  name: ['a', 'b'],
  givenName: ['a', 'b'],
  familyName: ['a', 'b'],
  middleName: ['a', 'b'],
  nickName: ['a', 'b'],
  preferredUsername: ['a', 'b'],
  profile: ['https://a.org', 'https://b.org'],
  picture: ['https://a.org', 'https://b.org'],
  website: ['https://a.org', 'https://b.org'],
  gender: ['a', 'b'],
  birthdate: ['1990', '1991'],
  zoneinfo: ['UTC', 'Europe/Paris'],
  locale: ['en', 'de'],
  addressLine1: ['a', 'b'],
  addressLine2: ['a', 'b'],
  addressCity: ['a', 'b'],
  addressState: ['a', 'b'],
  addressPostal: ['a', 'b'],
  addressCountry: ['a', 'b'],
  roles: [member, owner],
}
const others = columnNames.filter((name): name is Exclude<ColumnName, 'id'> => name !== 'id')

const refusedOnNew = (given: Given): (string | null)[] =>
  forbiddenOnNew(member, buildUser(given).values).map(({ column }) => column)

function refusedOnExisting(before: Given, given: Given): (string | null)[] {
  const user = buildUser({ email: 'a@x.org', ...before })
  const wanted = user.values.map((value, index) => given[columnNames[index]!] ?? value)
  return forbiddenOnExisting(member, user, user.values, wanted).map(({ column }) => column)
}

describe('what a member may give a new user', () => {
  it.each(['emailVerified', 'phoneNumberVerified', 'providerId', 'roles'] as const)('is not %s', (name) => {
    expect(refusedOnNew({ [name]: two[name][0] })).toEqual([name])
  })

  it('is everything else, and every default', () => {
    const rest = others.filter(
      (name) => !['emailVerified', 'phoneNumberVerified', 'providerId', 'roles'].includes(name),
    )
    expect(refusedOnNew(Object.fromEntries(rest.map((name) => [name, two[name][0]])))).toEqual([])
    expect(refusedOnNew({ emailVerified: 'FALSE', roles: constituent, providerType: 'Provisioned' })).toEqual(
      [],
    )
  })
})

describe('what a member may change of a constituent', () => {
  const account = [
    'slug',
    'providerType',
    'providerId',
    'emailVerified',
    'phoneNumberVerified',
    'roles',
  ] as const

  it.each(account)('is not %s', (name) => {
    const [one, other] = two[name]
    expect(refusedOnExisting({ [name]: one }, { [name]: other })).toEqual([name])
    expect(refusedOnExisting({}, { [name]: one })).toEqual([name])
  })

  it('is not to activate, to invite again or to end a suspension', () => {
    expect(refusedOnExisting({ active: 'FALSE' }, { active: 'TRUE' })).toEqual(['active'])
    expect(refusedOnExisting({ status: 'invited' }, { status: 'active' })).toEqual(['status'])
    expect(refusedOnExisting({ status: 'active' }, { status: 'invited' })).toEqual(['status'])
    expect(refusedOnExisting({ status: 'suspended' }, { status: 'active' })).toEqual(['status'])
  })

  it.each(['active', 'suspended'])('is neither the address nor the number of one who is %s', (status) => {
    const given = { email: 'b@x.org', phoneNumber: '+14155550132' }
    expect(refusedOnExisting({ status }, given)).toEqual(['email', 'phoneNumber'])
  })

  it('is the address and the number of one who is invited', () => {
    expect(
      refusedOnExisting({ status: 'invited' }, { email: 'b@x.org', phoneNumber: '+14155550132' }),
    ).toEqual([])
  })

  it('is to deactivate and to suspend', () => {
    expect(refusedOnExisting({ status: 'active' }, { active: 'FALSE', status: 'suspended' })).toEqual([])
  })

  it('is every cell of the profile, and to clear it', () => {
    const profile = others.slice(others.indexOf('name'), others.indexOf('roles'))
    const [one, other] = [0, 1].map((which) =>
      Object.fromEntries(profile.map((name) => [name, two[name][which]!])),
    )
    expect(profile).toHaveLength(19)
    expect(refusedOnExisting({ status: 'active', ...one }, other!)).toEqual([])
    expect(refusedOnExisting(one!, Object.fromEntries(profile.map((name) => [name, ''])))).toEqual([])
  })

  it('is whatever is stored already', () => {
    const stored = Object.fromEntries(others.map((name) => [name, two[name][0]]))
    expect(refusedOnExisting(stored, stored)).toEqual([])
  })
})

describe('an owner', () => {
  it('may give and change everything', () => {
    const before = buildUser({ roles: owner })
    const wanted = columnNames.map((name) => (name === 'id' ? before.id : two[name][1]))
    expect(forbiddenOnNew(owner, wanted)).toEqual([])
    expect(forbiddenOnExisting(owner, before, before.values, wanted)).toEqual([])
  })

  it.each<[Given, boolean]>([
    [{ roles: member }, false],
    [{ roles: owner, active: 'FALSE' }, false],
    [{ roles: owner, status: 'suspended' }, false],
    [{ roles: owner, status: 'invited' }, true],
    [{ roles: `${owner},${constituent}`, status: 'active' }, true],
  ])('is an active one with %j: %p', (given, expected) => {
    const { values } = buildUser(given)
    expect(isActiveOwner(values)).toBe(expected)
    expect(values[columnIndex.roles]).toBe(given.roles)
  })
})
