import { describe, expect, it } from '@jest/globals'
import type { Importer } from '../../src/users/grants.ts'
import type { StoredUser } from '../../src/users/user.ts'
import {
  buildUser,
  fileOf,
  givenOf,
  idOf,
  member,
  outcomes,
  owner,
  runImport,
  type Given,
} from './builders.ts'
import { MemoryDirectory } from './memory-directory.ts'

const anna = buildUser({
  id: idOf('anna'),
  slug: 'anna',
  email: 'anna@x.org',
  providerType: 'Local',
  providerId: 'a',
})
const bob = buildUser({
  id: idOf('bob'),
  slug: 'bob',
  email: 'bob@x.org',
  emailVerified: 'TRUE',
  phoneNumber: '+14155550132',
  phoneNumberVerified: 'TRUE',
})
const plain = buildUser({ id: idOf('plain'), email: 'plain@x.org' })
const boss = buildUser({ id: idOf('boss'), email: 'boss@x.org', roles: 'organization_owner' })

interface Options {
  readonly users?: readonly StoredUser[]
  readonly importer?: Importer
  readonly clearBlanks?: boolean
  readonly batch?: number
}

async function imported(given: readonly Given[], options: Options = {}) {
  const { users: stored = [anna, bob, plain, boss], ...rest } = options
  const users = new MemoryDirectory()
  stored.forEach((user) => users.usersOf(1).set(user.id, user))
  const rows = await runImport({ users, ...fileOf(...given), ...rest })
  const left = [...users.usersOf(1).values()].map(givenOf)
  return { rows, left, outcomes: outcomes(rows) }
}

/** What becomes of rows, in batches of one and in one batch: it must be the same. */
async function become(given: readonly Given[], options: Options = {}): Promise<string[]> {
  const [one, all] = [
    await imported(given, { ...options, batch: 1 }),
    await imported(given, { ...options, batch: 500 }),
  ]
  expect(all.outcomes).toEqual(one.outcomes)
  return all.outcomes
}

describe('a row is invalid', () => {
  it.each<[string, Given, string]>([
    [
      'an id that nobody has',
      { id: idOf('nobody'), email: 'anna@x.org' },
      `id must be the id of a user of this organization, but has ${idOf('nobody')} (leave id blank to create a user)`,
    ],
    ['no e-mail address for a new user', { slug: 'new' }, 'email is required for a new user'],
    [
      'an e-mail address of another user',
      { id: anna.id, email: 'BOB@x.org' },
      'email must be unique, but another user has BOB@x.org',
    ],
    ['a slug of another user', { id: anna.id, slug: 'Bob' }, 'slug must be unique, but another user has Bob'],
    [
      'a pair of another user',
      { id: bob.id, providerType: 'local', providerId: 'a' },
      'providerId must be unique, but another user has a',
    ],
    [
      'another slug than the user of this e-mail address',
      { email: 'bob@x.org', slug: 'robert' },
      'slug must be bob, which the user with this email has, but has robert',
    ],
    [
      'another providerId than the user of this e-mail address',
      { email: 'anna@x.org', providerType: 'Local', providerId: 'b' },
      'providerId must be a, which the user with this email has, but has b',
    ],
    [
      'another providerType than the user of this e-mail address',
      { email: 'anna@x.org', providerType: 'Google' },
      'providerType must be Local, which the user with this email has, but has Google',
    ],
    [
      'another slug than the user of this pair',
      { slug: 'x', providerType: 'Local', providerId: 'a', email: 'n@x.org' },
      'slug must be anna, which the user with this providerId has, but has x',
    ],
  ])('that has %s', async (_, given, sentence) => {
    expect(await become([given])).toEqual([`Validation error: ${sentence}`])
  })

  it('that means the user of an earlier row by the same key', async () => {
    const rows = [
      { slug: 'anna', name: 'A' },
      { slug: 'ANNA', name: 'B' },
    ]
    expect(await become(rows)).toEqual([
      'updated',
      'Validation error: slug must be unique in the file, but row 2 has ANNA',
    ])
  })

  it('that means the user of an earlier row by another key', async () => {
    const rows = [
      { slug: 'anna', name: 'A' },
      { email: 'anna@x.org', name: 'B' },
    ]
    expect(await become(rows)).toEqual([
      'updated',
      'Validation error: email must mean a user once in the file, but row 2 means the same user',
    ])
  })

  it('that has a key which an earlier row gave to another user', async () => {
    const rows = [
      { id: anna.id, email: 'n@x.org' },
      { id: bob.id, email: 'N@x.org' },
    ]
    expect(await become(rows)).toEqual([
      'updated',
      'Validation error: email must be unique in the file, but row 2 has N@x.org',
    ])
  })

  it('that repeats a user whom an earlier row left unchanged or created', async () => {
    const rows = [
      { email: 'anna@x.org' },
      { email: 'anna@x.org' },
      { email: 'n@x.org' },
      { email: 'n@x.org' },
    ]
    expect(await become(rows)).toEqual([
      'unchanged',
      'Validation error: email must be unique in the file, but row 2 has anna@x.org',
      'created',
      'Validation error: email must be unique in the file, but row 4 has n@x.org',
    ])
  })

  it('for each column that takes away the caller’s own rights', async () => {
    const importer = { ...owner, subject: boss.id }
    const given = { id: boss.id, active: 'FALSE', status: 'suspended', roles: 'organization_member' }
    const of = (column: string, value: string) =>
      `${column} of your own user may only be taken away by another owner, but has ${value}`
    expect(await become([given], { importer })).toEqual([
      `Permission error: ${of('active', 'FALSE')}; ${of('status', 'suspended')}; ${of('roles', 'organization_member')}`,
    ])
  })

  it('that takes away the caller’s own rights, who is known by e-mail address', async () => {
    const importer = { ...owner, emailKey: 'boss@x.org' }
    expect(await become([{ id: boss.id, active: 'no' }], { importer })).toEqual([
      'Permission error: active of your own user may only be taken away by another owner, but has FALSE',
    ])
  })

  it('that takes away the last active owner', async () => {
    const away = [{ id: boss.id, roles: 'organization_constituent' }]
    const sentence =
      'Permission error: roles must leave the organization an active owner, but has organization_constituent'
    expect(await become(away)).toEqual([sentence])
    const inactive = buildUser({ roles: 'organization_owner', active: 'FALSE' })
    expect(await become(away, { users: [boss, inactive] })).toEqual([sentence])
  })

  it('that takes away the last active owner after an earlier row took away another', async () => {
    const second = buildUser({ id: idOf('second'), roles: 'organization_owner' })
    const rows = [
      { id: second.id, status: 'suspended' },
      { id: boss.id, status: 'suspended' },
    ]
    expect(await become(rows, { users: [boss, second] })).toEqual([
      'updated',
      'Permission error: status must leave the organization an active owner, but has suspended',
    ])
  })

  it('for every reason, though it repeats an owner whom an earlier row of the batch created', async () => {
    const rows = [
      { email: 'n@x.org', roles: 'organization_owner' },
      { email: 'n@x.org', active: 'FALSE' },
    ]
    expect(await become(rows, { users: [] })).toEqual([
      'created',
      'Validation error: email must be unique in the file, but row 2 has n@x.org; ' +
        'Permission error: active must leave the organization an active owner, but has FALSE',
    ])
  })

  it('that repeats a user by a key that an earlier row of the batch gave him', async () => {
    const other = buildUser({ id: idOf('other'), providerType: 'Google', providerId: 'a' })
    const rows = [
      { id: anna.id, email: 'n@x.org' },
      { email: 'n@x.org', providerType: 'Google' },
    ]
    expect(await become(rows, { users: [anna, other] })).toEqual([
      'updated',
      'Validation error: email must be unique in the file, but row 2 has n@x.org',
    ])
  })
})

describe('a row of a member is invalid', () => {
  const importer = member
  const forbidden = (column: string, value: string) =>
    `Permission error: ${column} may be set so only by an organization_owner, but has ${value}`

  it('where it means a user whom he may not change, whatever else it says', async () => {
    const rows: Given[] = [{ email: 'boss@x.org', slug: 'new', active: 'no' }, { email: 'boss@x.org' }]
    const sentence = 'Permission error: email means a user whom only an organization_owner may change'
    expect(await become(rows, { importer })).toEqual([sentence, sentence])
  })

  it.each<[Given, string]>([
    [{ emailVerified: 'TRUE' }, forbidden('emailVerified', 'TRUE')],
    [{ phoneNumberVerified: 'TRUE' }, forbidden('phoneNumberVerified', 'TRUE')],
    [{ providerType: 'Local', providerId: 'p' }, forbidden('providerId', 'p')],
    [{ roles: 'organization_member' }, forbidden('roles', 'organization_member')],
  ])('where a new user has %j', async (given, sentence) => {
    expect(await become([{ email: 'n@x.org', ...given }], { importer })).toEqual([sentence])
  })

  it('for every reason, where a new user has neither an e-mail address nor the right to a flag', async () => {
    expect(await become([{ slug: 'new', emailVerified: 'TRUE' }], { importer })).toEqual([
      `Validation error: email is required for a new user; ${forbidden('emailVerified', 'TRUE')}`,
    ])
  })

  it.each<[string, Given, Given, string]>([
    ['another slug', {}, { slug: 's' }, forbidden('slug', 's')],
    ['another providerType', {}, { providerType: 'Local' }, forbidden('providerType', 'Local')],
    ['the status active', {}, { status: 'active' }, forbidden('status', 'active')],
    ['active of a deactivated user', { active: 'FALSE' }, { active: 'TRUE' }, forbidden('active', 'TRUE')],
    ['a flag', {}, { emailVerified: 'TRUE' }, forbidden('emailVerified', 'TRUE')],
    [
      'a flag taken away',
      { emailVerified: 'TRUE' },
      { emailVerified: 'FALSE' },
      forbidden('emailVerified', 'FALSE'),
    ],
    [
      'an e-mail address after the invitation',
      { status: 'active' },
      { email: 'n@x.org' },
      forbidden('email', 'n@x.org'),
    ],
    [
      'a phone number after the invitation',
      { status: 'active' },
      { phoneNumber: '+14155550132' },
      forbidden('phoneNumber', '+14155550132'),
    ],
    [
      'a verified new address',
      { emailVerified: 'TRUE' },
      { email: 'n@x.org', emailVerified: 'TRUE' },
      forbidden('emailVerified', 'TRUE'),
    ],
  ])('where it gives a constituent %s', async (_, before, given, sentence) => {
    const user = buildUser({ id: idOf('user'), ...before })
    expect(await become([{ id: user.id, ...given }], { importer, users: [user] })).toEqual([sentence])
  })
})

describe('a row is imported', () => {
  it('that gives a key which an earlier row gave up, also in turn', async () => {
    const rows = [
      { id: anna.id, slug: 'x' },
      { id: bob.id, slug: 'anna' },
      { email: 'n@x.org', slug: 'bob' },
    ]
    expect(await become(rows)).toEqual(['updated', 'updated', 'created'])
  })

  it('that gives a user a key which he lacks, found by a weaker one', async () => {
    expect(
      await become([{ email: 'plain@x.org', slug: 'p', providerType: 'Local', providerId: 'p' }]),
    ).toEqual(['updated'])
  })

  it('that changes a weaker key by a stronger one', async () => {
    expect(
      await become([{ slug: 'anna', email: 'n@x.org', providerType: 'Google', providerId: 'g' }]),
    ).toEqual(['updated'])
  })

  it('though an invalid row before has its keys', async () => {
    expect(
      await become([
        { id: anna.id, email: 'bob@x.org', slug: 'new' },
        { email: 'n@x.org', slug: 'new' },
      ]),
    ).toEqual(['Validation error: email must be unique, but another user has bob@x.org', 'created'])
  })

  it('and a flag falls with its address and number, and is named among what changed', async () => {
    const { rows, left } = await imported([
      { id: bob.id, email: 'n@x.org', phoneNumber: '+33 1 42 68 53 00' },
    ])
    expect(rows[0]?.changed).toEqual(['email', 'emailVerified', 'phoneNumber', 'phoneNumberVerified'])
    expect(left).toContainEqual(
      expect.objectContaining({ id: bob.id, emailVerified: 'FALSE', phoneNumberVerified: 'FALSE' }),
    )
  })

  it('and a flag stays where only the letter case of the address changes', async () => {
    const { rows } = await imported([{ id: bob.id, email: 'BOB@x.org', phoneNumber: '+1 (415) 555-0132' }])
    expect(rows[0]?.changed).toEqual(['email'])
  })

  it('and blank cells leave values alone, or clear them where that is asked for', async () => {
    const given = [
      { id: bob.id, slug: '', phoneNumber: '', phoneNumberVerified: '', name: 'Bob' },
      { email: 'n@x.org' },
    ]
    const kept = await imported(given)
    expect(kept.rows[0]?.changed).toEqual(['name'])
    const cleared = await imported(given, { clearBlanks: true })
    expect(cleared.rows[0]?.changed).toEqual(['phoneNumber', 'phoneNumberVerified', 'name'])
  })

  it('of a member, where values that would need a right are those that are stored', async () => {
    const same = {
      email: 'bob@x.org',
      slug: 'bob',
      emailVerified: 'TRUE',
      active: 'yes',
      roles: 'organization_constituent',
      status: 'invited',
    }
    expect(await become([{ ...same, name: 'Bob' }], { importer: member })).toEqual(['updated'])
    const fresh = {
      email: 'n@x.org',
      emailVerified: 'no',
      roles: 'organization_constituent',
      status: 'active',
      slug: 's',
    }
    expect(await become([fresh], { importer: member })).toEqual(['created'])
  })

  it('of a member, where it deactivates, suspends or describes a constituent', async () => {
    const given = {
      id: bob.id,
      active: 'FALSE',
      status: 'suspended',
      name: 'B',
      email: 'n@x.org',
      phoneNumber: '+33142685300',
    }
    expect(await become([given], { importer: member })).toEqual(['updated'])
  })
})
