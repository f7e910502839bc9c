import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import {
  imported,
  locationOf,
  membersBody,
  postBody,
  programOf,
  untilImport,
  type Caller,
  type MemberAnswer,
} from '../support/members.ts'
import { startService, type Service } from '../support/service.ts'

describe('a member', () => {
  let service: Service
  let owner: Caller

  beforeAll(async () => {
    service = await startService()
    owner = await programOf(service)
  })
  beforeEach(async () => {
    await service.knex('users').delete()
  })
  afterAll(() => service.close())

  const userOf = async (email: string): Promise<Record<string, unknown>> =>
    (await service.knex<Record<string, unknown>>('users').where({ email }).first())!

  const importMembers = (...members: object[]): Promise<readonly MemberAnswer[]> =>
    imported(service, owner, members)

  const faultsOf = (answers: readonly MemberAnswer[]): string[][] =>
    answers.map(({ faults }) => faults.map(({ message }) => message))

  it('becomes a user with what it gives, and the defaults of new users', async () => {
    const [answer] = await importMembers({
      emailAddress: ' new@example.com ',
      givenName: 'Nëw',
      familyName: 'Person',
      displayName: 'N. Person',
      recoveryEmail: 'spare@example.org',
      isMfaDisabled: true,
    })
    expect(await userOf('new@example.com')).toMatchObject({
      id: answer!.id,
      organization_id: 1,
      email: 'new@example.com',
      given_name: 'Nëw',
      family_name: 'Person',
      name: 'N. Person',
      roles: ['organization_member'],
      active: true,
      status: 'invited',
      provider_type: 'Provisioned',
      recovery_email: 'spare@example.org',
      is_mfa_disabled: true,
    })
  })

  it.each([
    [true, 'organization_owner'],
    [false, 'organization_member'],
    [null, 'organization_member'],
    [undefined, 'organization_member'],
  ])('with makeAdmin %s gets the role %s', async (makeAdmin, role) => {
    await importMembers({ emailAddress: 'role@example.com', makeAdmin })
    expect(await userOf('role@example.com')).toMatchObject({ roles: [role] })
  })

  it('who is a user already gets the role and his blank names filled, and nothing else', async () => {
    await service.post(
      'slug,email,status,active,givenName,familyName,name,nickName,phoneNumber,emailVerified,roles\n' +
        'anna,Anna@Example.com,suspended,TRUE,Anna,,,Ann,+4930123456,TRUE,organization_constituent\n',
    )
    const before = await userOf('Anna@Example.com')
    const [answer] = await importMembers({
      emailAddress: 'ANNA@example.COM',
      givenName: 'Other',
      familyName: 'Filled',
      displayName: 'Anna Filled',
      recoveryEmail: 'spare@example.org',
      makeAdmin: true,
      isMfaDisabled: true,
    })
    expect(answer).toMatchObject({ disposition: 'imported', id: before['id'], faults: [] })
    const after = await userOf('Anna@Example.com')
    expect(new Set(after['roles'] as string[])).toEqual(
      new Set(['organization_constituent', 'organization_owner']),
    )
    expect(after).toEqual({
      ...before,
      family_name: 'Filled',
      name: 'Anna Filled',
      roles: after['roles'],
      updated_at: after['updated_at'],
    })
  })

  it('never takes a role away', async () => {
    await importMembers({ emailAddress: 'boss@example.com', makeAdmin: true })
    await importMembers({ emailAddress: 'boss@example.com', makeAdmin: false })
    const { roles } = await userOf('boss@example.com')
    expect(new Set(roles as string[])).toEqual(new Set(['organization_owner', 'organization_member']))
  })

  it('who stands there twice is imported once: the first wins', async () => {
    const answers = await importMembers(
      { emailAddress: 'two@example.com', givenName: 'First' },
      { emailAddress: 'else@example.com' },
      { emailAddress: 'TWO@Example.com', givenName: 'Second', makeAdmin: true },
    )
    expect(answers.map(({ disposition }) => disposition)).toEqual(['imported', 'imported', 'invalid'])
    expect(faultsOf(answers)[2]).toEqual([
      'emailAddress must be unique among the members, but member 1 has TWO@Example.com',
    ])
    expect(await userOf('two@example.com')).toMatchObject({
      given_name: 'First',
      roles: ['organization_member'],
    })
  })

  it.each([
    ['the domain in letters of its own', 'anna@münchen.example', 'Anna@xn--mnchen-3ya.example'],
    ['accents in two forms', 'jos\u00e9@example.com', 'jose\u0301@EXAMPLE.com'],
    ['white space around it', 'blank@example.com', ' \u00a0blank@example.com\t'],
  ])('is the same as another whose address has %s', async (_, one, other) => {
    const answers = await importMembers({ emailAddress: one }, { emailAddress: other })
    expect(answers.map(({ disposition }) => disposition)).toEqual(['imported', 'invalid'])
    const again = await importMembers({ emailAddress: other, givenName: 'Again' })
    expect(again).toMatchObject([{ disposition: 'imported', id: answers[0]!.id }])
  })

  it('may have an address of 250 characters', async () => {
    const fitting = `${'a'.repeat(64)}@${`${'d'.repeat(58)}.`.repeat(3)}examples`
    expect(fitting).toHaveLength(250)
    const answers = await importMembers({ emailAddress: fitting }, { emailAddress: `${fitting}s` })
    expect(answers.map(({ disposition }) => disposition)).toEqual(['imported', 'invalid'])
  })

  it('who is invalid claims no address', async () => {
    const answers = await importMembers(
      { emailAddress: 'late@example.com', givenName: 'x'.repeat(101) },
      { emailAddress: 'late@example.com', givenName: 'Good' },
    )
    expect(answers.map(({ disposition }) => disposition)).toEqual(['invalid', 'imported'])
    expect(await userOf('late@example.com')).toMatchObject({ given_name: 'Good' })
  })

  const long = (length: number): string => 'x'.repeat(length)

  it.each<[string, object, readonly string[]]>([
    ['no address', {}, ['emailAddress']],
    ['a blank address', { emailAddress: ' ' }, ['emailAddress']],
    ['an empty address', { emailAddress: '' }, ['emailAddress']],
    ['an address without a domain', { emailAddress: 'anna' }, ['emailAddress']],
    ['an address in brackets', { emailAddress: 'Anna <anna@example.com>' }, ['emailAddress']],
    [
      'an address of 251 characters',
      { emailAddress: `a@${`${long(60)}.`.repeat(4)}${long(5)}` },
      ['emailAddress'],
    ],
    ['a long given name', { emailAddress: 'a@example.com', givenName: long(101) }, ['givenName']],
    ['a long family name', { emailAddress: 'a@example.com', familyName: long(101) }, ['familyName']],
    ['a long display name', { emailAddress: 'a@example.com', displayName: long(251) }, ['displayName']],
    [
      'a recovery address that is none',
      { emailAddress: 'a@example.com', recoveryEmail: 'x' },
      ['recoveryEmail'],
    ],
    ['NUL', { emailAddress: 'a@example.com', givenName: 'a\u0000b' }, ['givenName']],
    ['a line break', { emailAddress: 'a@example.com', displayName: 'a\nb' }, ['displayName']],
    ['an override', { emailAddress: 'a@example.com', familyName: 'a\u202eb' }, ['familyName']],
    ['half a character', { emailAddress: 'a@example.com', givenName: 'a\ud83d' }, ['givenName']],
    ['an error of a spreadsheet', { emailAddress: 'a@example.com', familyName: '#N/A' }, ['familyName']],
    [
      'several faults',
      { emailAddress: 'x', givenName: long(101), recoveryEmail: 'y', displayName: long(251) },
      ['emailAddress', 'givenName', 'displayName', 'recoveryEmail'],
    ],
  ])('with %s is invalid, with every fault by its name', async (_, member, columns) => {
    const answers = await importMembers(member, { emailAddress: 'beside@example.com' })
    expect(answers.map(({ disposition }) => disposition)).toEqual(['invalid', 'imported'])
    const [{ faults, id }] = answers as [MemberAnswer]
    expect(faults.map(({ column }) => column)).toEqual(columns)
    for (const { column, message, code } of faults) {
      expect(message.startsWith(`${column} `)).toBe(true)
      expect(code).toMatch(/^[\w.]+$/)
      expect(message.length).toBeLessThan(500)
    }
    expect(id).toBeNull()
    expect(await service.knex('users').pluck('email')).toEqual(['beside@example.com'])
  })

  it.each<[string, object]>([
    ['100 characters of four bytes', { givenName: '😀'.repeat(100), familyName: '名'.repeat(100) }],
    ['a display name of 250', { displayName: long(250) }],
    ['nothing but an address', { givenName: null, familyName: '', displayName: null, recoveryEmail: '' }],
    ['words of programming', { givenName: 'null', familyName: 'constructor', displayName: '__proto__' }],
    ['a formula, which is text here', { displayName: '-Ann+Bob' }],
  ])('may have %s', async (_, member) => {
    const answers = await importMembers({ emailAddress: 'fine@example.com', ...member })
    expect(faultsOf(answers)).toEqual([[]])
  })

  it('with the address of another organization’s user becomes a user of this one', async () => {
    const stranger = await programOf(service, { organization: 'other-org' })
    const body = membersBody([{ emailAddress: 'both@example.com', givenName: 'There' }], {
      organizationId: 2,
    })
    const path = '/v1/organizations/2/members/import'
    await untilImport(service, stranger, locationOf(await postBody(service, stranger, body, { path })))
    await importMembers({ emailAddress: 'both@example.com', givenName: 'Here' })
    const names: string[] = await service.knex('users').orderBy('organization_id').pluck('given_name')
    expect(names).toEqual(['Here', 'There'])
  })
})
