import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createCredentialRegister } from '../../src/db/credentials.ts'
import { basicOf, makeCredential } from '../support/credentials.ts'
import {
  ask,
  importAt,
  membersBody,
  numberedMembers,
  postBody,
  postMembers,
  programAlone,
  programOf,
  resultAt,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { jsonOf, type Exchange } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('who may import members', () => {
  let service: Service
  let owner: Caller
  let location: string

  beforeAll(async () => {
    service = await startService({ settings: { PORTAL_DOMAIN: 'localhost' } })
    owner = await programOf(service)
    location = await postMembers(service, owner, numberedMembers(0, 2), { id: 'known' })
    await untilImport(service, owner, location)
  })
  afterAll(() => service.close())

  /** Every request that there is for members, each of an import that exists. */
  async function everywhere(
    caller: Caller,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Exchange[]> {
    const answers = [await postBody(service, caller, membersBody([]), { headers })]
    for (const [method, path] of [
      ['GET', location],
      ['HEAD', location],
      ['GET', `${location}/result`],
      ['HEAD', `${location}/result`],
      ['DELETE', location],
    ] as const)
      answers.push(await ask(service, caller, { method, path, headers }))
    return answers
  }

  async function refusedEverywhere(caller: Caller, status: number, code: string): Promise<void> {
    const imports = await service.knex('imports').orderBy('id').pluck('id')
    for (const { status: answered, text, headers } of await everywhere(caller)) {
      expect(answered).toBe(status)
      if (text !== '') expect(JSON.parse(text)).toMatchObject({ status, code })
      expect(headers['cache-control']).toBe('no-store')
      expect(headers.location).toBeUndefined()
      // A challenge of Basic would make a browser ask for a password.
      if (status === 401) expect(headers['www-authenticate']).toMatch(/^Bearer\b(?!.*basic)/i)
      for (const secret of Object.values(caller)) expect(text).not.toContain(secret)
    }
    expect(await service.knex('imports').orderBy('id').pluck('id')).toEqual(imports)
    expect((await importAt(service, owner, location)).result).not.toBeNull()
  }

  it('is an owner by a token and an application, and an owner by Basic, everywhere', async () => {
    const program = await programAlone(service, { contact: 'program@example.com' })
    for (const caller of [owner, program]) {
      const own = await postMembers(service, caller, numberedMembers(0, 1))
      await untilImport(service, caller, own)
      expect(await resultAt(service, caller, own)).toHaveLength(1)
      expect((await ask(service, caller, { method: 'DELETE', path: own })).status).toBe(204)
    }
  })

  it('is nobody without credentials', () => refusedEverywhere({}, 401, 'credential.missing'))

  it('is nobody with a token alone', async () => {
    await refusedEverywhere({ Authorization: `Bearer ${await service.token()}` }, 401, 'credential.missing')
  })

  it('is nobody with an ApplicationToken alone', async () => {
    const { ApplicationToken } = owner
    await refusedEverywhere({ ApplicationToken: ApplicationToken! }, 401, 'credential.missing')
  })

  it('is nobody with the secret of an application as Basic, or of Basic as an application', async () => {
    const application = await makeCredential(service.knex)
    const basic = await makeCredential(service.knex, { kind: 'basic', contact: 'a@example.com' })
    await refusedEverywhere(
      { Authorization: basicOf(application.credential.id, application.secret) },
      401,
      'credential.invalid',
    )
    await refusedEverywhere(
      { Authorization: `Bearer ${await service.token()}`, ApplicationToken: basic.secret },
      401,
      'credential.invalid',
    )
  })

  it.each(['organization_member', 'organization_constituent'] as const)(
    'is not who is less in one of the two: %s',
    async (role) => {
      await refusedEverywhere(await programOf(service, { role }), 403, 'role.forbidden')
    },
  )

  it('is no application or program of a lesser role', async () => {
    const role = 'organization_member'
    await refusedEverywhere(await programOf(service, {}, { role }), 403, 'role.forbidden')
    await refusedEverywhere(
      await programAlone(service, { role, contact: 'a@example.com' }),
      403,
      'role.forbidden',
    )
  })

  it('is no one whose credential has expired', async () => {
    await refusedEverywhere(await programOf(service, {}, { seconds: -1 }), 401, 'credential.invalid')
    await refusedEverywhere(await programAlone(service, { seconds: -1 }), 401, 'credential.invalid')
  })

  it('is no one any more whose credential is revoked; what he asked for before is imported', async () => {
    const register = createCredentialRegister(service.knex)
    const { credential, secret } = await makeCredential(service.knex, {
      kind: 'basic',
      contact: 'a@example.com',
    })
    const caller = { Authorization: basicOf(credential.id, secret) }
    const own = await postMembers(service, caller, numberedMembers(50, 52))
    await register.revoke(credential.id)
    await refusedEverywhere(caller, 401, 'credential.invalid')
    // An owner sees what it did.
    expect(await untilImport(service, owner, own)).toMatchObject({
      state: 'finished',
      caller: `credential:${credential.id}`,
      counts: { created: 2 },
    })
  })

  it('is an owner of the organization of the path, and its host', async () => {
    const stranger = await programOf(service, { organization: 'other-org' })
    await refusedEverywhere(stranger, 404, 'organization.unknown')
    // A token of one organization and an application of another.
    const token = await service.token({ organization: 'other-org' })
    await refusedEverywhere({ ...owner, Authorization: `Bearer ${token}` }, 404, 'organization.unknown')
    const mixed = { ...stranger, Authorization: owner['Authorization']! }
    await refusedEverywhere(mixed, 404, 'organization.unknown')
    for (const host of ['other-org.localhost', 'nobody.localhost'])
      for (const { status } of await everywhere(owner, { Host: host })) expect(status).toBe(404)
    const here = await everywhere(await programOf(service), { Host: 'helping-hands.localhost' })
    expect(here.map(({ status }) => status)).toEqual([202, 200, 200, 200, 200, 204])
  })

  it.each([
    '01',
    '1.0',
    '+1',
    '-1',
    '0',
    '2147483648',
    '99999999999999999999',
    'helping-hands',
    '%31x',
    'NaN',
    '1e0',
  ])('is nobody of the organization %s', async (organization) => {
    const path = `/v1/organizations/${organization}/members/import`
    const answer = await postBody(service, owner, membersBody([]), { path })
    expect(jsonOf(answer)).toMatchObject({ status: 404, code: 'organization.unknown' })
  })

  it('is told of another organization’s body with 400', async () => {
    const answer = await postBody(service, owner, membersBody([], { organizationId: 2 }))
    expect(jsonOf(answer)).toMatchObject({ status: 400, errors: [{ pointer: '/organizationId' }] })
  })

  it('and sees the imports of the other owners, and may stop and erase them', async () => {
    const other = await programOf(service, { subject: 'another', email: 'another@example.com' })
    const theirs = await postMembers(service, owner, numberedMembers(60, 61), { id: 'theirs' })
    await untilImport(service, owner, theirs)
    expect(await importAt(service, other, theirs)).toMatchObject({ caller: 'nobody', id: 'theirs' })
    expect(await resultAt(service, other, theirs)).toHaveLength(1)
    expect((await ask(service, other, { method: 'DELETE', path: theirs })).status).toBe(204)
    expect((await ask(service, owner, { path: `${theirs}/result` })).status).toBe(410)
  })

  it('is not told by a token in the URL, a form or a cookie', async () => {
    const token = await service.token()
    const answer = await ask(service, owner, { path: `${location}?access_token=${token}` })
    expect(jsonOf(answer)).toMatchObject({ status: 400, code: 'request.token_in_url' })
    const cookie = await ask(service, { Cookie: `token=${token}; access_token=${token}` }, { path: location })
    expect(cookie.status).toBe(401)
  })

  it('is not kept from it by the wrong attempts of others at the same address', async () => {
    const wrong = {
      Authorization: `Bearer ${await service.token()}`,
      ApplicationToken: `rca_${'A'.repeat(43)}`,
    }
    let last = 401
    for (let attempt = 0; attempt < 60 && last !== 429; attempt += 1) {
      const answer = await ask(service, wrong, { path: location })
      last = answer.status
      if (last === 429) expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
    }
    expect(last).toBe(429)
    const now = await programOf(service)
    expect((await importAt(service, now, location)).state).toBe('finished')
    expect((await postBody(service, now, membersBody([]))).status).toBe(202)
  })
})
