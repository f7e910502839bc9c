import { beforeEach, describe, expect, it } from '@jest/globals'
import type { AnnotatedRow } from '../../src/import/row.ts'
import type { Member } from '../../src/users/members.ts'
import { buildUser, fileOf, idOf, member, owner, outcomes, runImport, type Given } from './builders.ts'
import { importMembers, storedInMemory, type StoredMember } from './member-cases.ts'
import { MemoryDirectory } from './memory-directory.ts'

let users: MemoryDirectory

beforeEach(() => {
  users = new MemoryDirectory()
})

/** Puts a user into the organization. */
function known(given: Given): void {
  const user = buildUser({ id: idOf('anna'), email: 'anna@x.org', ...given })
  users.usersOf(1).set(user.id, user)
}

const stored = (): StoredMember[] => storedInMemory(users.usersOf(1).values())

const anna: Member = {
  emailAddress: 'ANNA@X.ORG',
  givenName: 'Anna',
  familyName: 'Belle',
  displayName: 'Anna Belle',
  recoveryEmail: 'anna@r.org',
  isMfaDisabled: true,
}

const changedBy = (rows: readonly AnnotatedRow[]): (readonly string[])[] => rows.map(({ changed }) => changed)

describe('a member whose e-mail address nobody has', () => {
  it('becomes an invited user with all that it says', async () => {
    const answered = await importMembers({ users, members: [{ ...anna, makeAdmin: true }] })
    expect(outcomes(answered)).toEqual(['created'])
    expect(stored()).toEqual([
      {
        id: answered[0]?.id,
        providerType: 'Provisioned',
        active: 'TRUE',
        status: 'invited',
        email: 'ANNA@X.ORG',
        emailVerified: 'FALSE',
        phoneNumberVerified: 'FALSE',
        name: 'Anna Belle',
        givenName: 'Anna',
        familyName: 'Belle',
        roles: 'organization_owner',
        recoveryEmail: 'anna@r.org',
        isMfaDisabled: 'TRUE',
      },
    ])
  })

  it.each([false, null, undefined])('is no owner where makeAdmin is %s', async (makeAdmin) => {
    await importMembers({ users, members: [JSON.parse(JSON.stringify({ ...anna, makeAdmin }))] })
    expect(stored()).toMatchObject([{ roles: 'organization_member' }])
  })
})

describe('a member whom the organization has', () => {
  it('gets the role beside those that he has, and names in the place of blank ones', async () => {
    known({ familyName: 'Bell' })
    const answered = await importMembers({ users, members: [anna] })
    expect(outcomes(answered)).toEqual(['updated'])
    expect(answered[0]?.id).toBe(idOf('anna'))
    expect(changedBy(answered)).toEqual([['name', 'givenName', 'roles']])
    expect(stored()).toMatchObject([
      {
        name: 'Anna Belle',
        givenName: 'Anna',
        familyName: 'Bell',
        roles: 'organization_member,organization_constituent',
      },
    ])
  })

  it('keeps everything else: letter case, flags, what only creation stores', async () => {
    const before: Given = {
      email: 'Anna@x.org',
      emailVerified: 'TRUE',
      phoneNumber: '+14155550132',
      phoneNumberVerified: 'TRUE',
      active: 'FALSE',
      status: 'suspended',
      providerType: 'Google',
      providerId: 'g',
    }
    known(before)
    expect(outcomes(await importMembers({ users, members: [{ ...anna, makeAdmin: true }] }))).toEqual([
      'updated',
    ])
    expect(stored()).toMatchObject([
      {
        ...before,
        roles: 'organization_owner,organization_constituent',
        recoveryEmail: '',
        isMfaDisabled: 'FALSE',
      },
    ])
  })

  it.each([
    'organization_member',
    'organization_owner,organization_member',
    'organization_constituent,organization_member',
  ])('is unchanged where he has all of it, his roles as they stand: %s', async (roles) => {
    known({ roles, name: 'A', givenName: 'B', familyName: 'C' })
    const answered = await importMembers({ users, members: [anna] })
    expect(outcomes(answered)).toEqual(['unchanged'])
    expect(answered[0]?.id).toBe(idOf('anna'))
    expect(stored()).toMatchObject([{ roles, name: 'A', givenName: 'B', familyName: 'C' }])
  })

  it('loses no role that somebody else has stored', async () => {
    known({ roles: 'organization_constituent,auditor' })
    await importMembers({ users, members: [anna] })
    expect(stored()).toMatchObject([{ roles: 'organization_member,organization_constituent,auditor' }])
  })

  it('loses nothing as the caller himself or the last owner, however little his member says', async () => {
    known({ roles: 'organization_owner', status: 'active' })
    const importer = { ...owner, subject: idOf('anna'), emailKey: 'anna@x.org' }
    const members = [{ emailAddress: 'anna@x.org', makeAdmin: false }]
    expect(outcomes(await importMembers({ users, importer, members }))).toEqual(['updated'])
    expect(stored()).toMatchObject([{ roles: 'organization_owner,organization_member', status: 'active' }])
  })

  it('says nothing to a caller who may not grant the role', async () => {
    known({ roles: 'organization_owner' })
    const members = [anna, { emailAddress: 'nobody@x.org' }]
    const answered = await importMembers({ users, importer: member, members })
    const forbidden = 'Permission error: makeAdmin may be set so only by an organization_owner, but has null'
    expect(outcomes(answered)).toEqual([forbidden, forbidden])
  })
})

describe('members that mean the same user', () => {
  const repeated = (by: number): string =>
    `Validation error: emailAddress must be unique among the members, but member ${by} has a@X.org`

  it.each([1, 2, 500])('are invalid but for the first, in batches of %d', async (batch) => {
    const members = ['A@x.org', 'b@x.org', 'a@X.org', 'a@X.org'].map((emailAddress) => ({ emailAddress }))
    const answered = await importMembers({ users, members, batch })
    expect(outcomes(answered)).toEqual(['created', 'created', repeated(1), repeated(1)])
  })

  it('are imported where those before are invalid', async () => {
    const members = [{ emailAddress: 'a@X.org', displayName: 'x'.repeat(251) }, { emailAddress: 'a@X.org' }]
    expect(outcomes(await importMembers({ users, members }))[1]).toBe('created')
  })
})

describe('a member', () => {
  it('whom only the database refuses is told so, and the others are imported', async () => {
    users.refuses = ({ keys }) => (keys.email === 'b@x.org' ? 'no_b' : undefined)
    const members = ['a@x.org', 'b@x.org', 'c@x.org'].map((emailAddress) => ({ emailAddress }))
    expect(outcomes(await importMembers({ users, members }))).toEqual([
      'created',
      'Validation error: member must be one that the database takes, but its rule no_b refuses it',
      'created',
    ])
  })

  it('keeps what only creation stores when a file changes him later', async () => {
    await importMembers({ users, members: [anna] })
    const file = fileOf({ email: 'anna@x.org', givenName: 'Ann', roles: 'organization_constituent' })
    expect(outcomes(await runImport({ users, ...file }))).toEqual(['updated'])
    expect(stored()).toMatchObject([
      {
        givenName: 'Ann',
        roles: 'organization_constituent',
        recoveryEmail: 'anna@r.org',
        isMfaDisabled: 'TRUE',
      },
    ])
  })
})
