import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import express from 'express'
import { newSecret } from '../../src/auth/credentials.ts'
import { verifyToken } from '../../src/auth/verify-token.ts'
import { createCredentialDirectory, createCredentialRegister } from '../../src/db/credentials.ts'
import type { Database } from '../../src/db/database.ts'
import { createOrganizationDirectory, makeOrganizations } from '../../src/db/organizations.ts'
import { createWrongAttempts } from '../../src/db/wrong-attempts.ts'
import { memberCaller, type MemberCaller, type MemberCallerParts } from '../../src/http/member-caller.ts'
import { answerProblem } from '../../src/http/problem.ts'
import { listen, type RunningServer } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'
import { claimsAt, makeKey, sign, type IssuerKey } from '../auth/fake-issuer.ts'
import { basicOf, makeCredential } from '../support/credentials.ts'
import { openTestDatabase } from '../support/database.ts'
import { PATIENCE } from '../support/until.ts'

const domain = 'portals.example.com'
const rules = { issuer: 'https://issuer.example.com/', audience: 'rollcall', algorithms: ['RS256'] }

interface Sent {
  readonly authorization?: string | readonly string[]
  readonly application?: string | readonly string[]
  /** Default: helping-hands, which is 1. */
  readonly organization?: string | number
  /** Default: localhost. */
  readonly host?: string
  /** The client, as a proxy tells it. */
  readonly from?: string
  readonly query?: string
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Record<string, unknown>
}

const unknown = {
  status: 404,
  code: 'organization.unknown',
  detail: 'There is no such organization, or your token is not for it.',
}

describe('who calls for the organization of a path', () => {
  let database: Database
  let server: RunningServer
  let key: IssuerKey
  let called: MemberCaller | undefined
  let now: () => number
  const troubles: unknown[] = []

  beforeAll(async () => {
    database = await openTestDatabase()
    const { knex } = database
    await makeOrganizations(knex, [
      { slug: 'helping-hands', id: 1 },
      { slug: 'other-org', id: 2 },
    ])
    key = await makeKey('key-1')
    const onFailure = (error: unknown): void => void troubles.push(error)
    const verification = { rules, clock: () => now(), findKey: () => Promise.resolve(key.publicKey) }
    const parts: MemberCallerParts = {
      verifier: {
        verify: (token) => verifyToken(token, verification),
        ready: () => Promise.resolve(),
      },
      organizations: createOrganizationDirectory(knex),
      portalDomain: domain,
      credentials: createCredentialDirectory({ knex, onFailure }),
      // However busy the machine is, all are counted.
      wrongAttempts: createWrongAttempts({ knex, onFailure, patience: PATIENCE }),
      clock: () => now(),
    }
    const app = express()
    app.set('trust proxy', ['127.0.0.1'])
    app.get('/v1/organizations/:organizationId/members/import', async (req, res) => {
      called = await memberCaller(req, parts)
      res.json({})
    })
    app.use(answerProblem(createLog('silent')))
    server = await listen(app, { host: '127.0.0.1', port: 0, stopping: () => false })
  })
  afterAll(async () => {
    await server.stop(100)
    await database.close()
    expect(troubles).toEqual([])
  })
  beforeEach(() => {
    called = undefined
    now = Date.now
  })

  const token = async (changes: Record<string, unknown> = {}): Promise<string> =>
    `Bearer ${await sign(key, claimsAt(Date.now(), changes))}`

  function send(sent: Sent): Promise<Answer> {
    const { authorization, application, organization = 1, host = 'localhost', from, query = '' } = sent
    const headers = {
      Host: host,
      ...(authorization === undefined ? {} : { Authorization: authorization as string | string[] }),
      ...(application === undefined ? {} : { ApplicationToken: application as string | string[] }),
      ...(from === undefined ? {} : { 'X-Forwarded-For': from }),
    }
    const path = `/v1/organizations/${organization}/members/import${query}`
    return new Promise((resolve, reject) => {
      const sending = request(`${server.url}${path}`, { headers })
      sending.on('error', reject)
      sending.on('response', (response) => {
        text(response).then((body) => {
          const { statusCode: status = 0, headers: received } = response
          resolve({ status, headers: received, body: JSON.parse(body) as Record<string, unknown> })
        }, reject)
      })
      sending.end()
    })
  }

  /** Refused so, nobody being let in, and no browser being asked for a password. */
  async function refused(
    sent: Sent,
    expected: { readonly status: number; readonly code: string; readonly detail?: unknown },
  ): Promise<Answer> {
    const answer = await send(sent)
    expect(answer.body).toMatchObject(expected)
    expect(answer.status).toBe(expected.status)
    const challenge = answer.headers['www-authenticate']
    if (expected.status === 401) expect(challenge).toMatch(/^Bearer/)
    else expect(challenge).toBeUndefined()
    expect(called).toBeUndefined()
    return answer
  }

  const missing = { status: 401, code: 'credential.missing' }
  const invalid = { status: 401, code: 'credential.invalid' }
  const malformed = { status: 400, code: 'request.malformed' }

  describe('is refused', () => {
    it('without an Authorization header, told of both ways', async () => {
      const detail = expect.stringMatching(/ApplicationToken: SECRET.*Authorization: Basic/)
      await refused({}, { ...missing, detail })
      await refused({ authorization: '' }, { ...missing, detail })
      const { secret } = await makeCredential(database.knex)
      await refused({ application: secret }, missing)
    })

    it.each(['Digest a=b', 'Negotiate abc', 'rca_abc', 'Basicabc'])('with %j', async (authorization) => {
      await refused({ authorization }, { ...missing, detail: expect.stringContaining('unknown scheme') })
    })

    it('with a token that is not good, whatever stands beside it', async () => {
      const { secret } = await makeCredential(database.knex)
      const expired = await token({ exp: 1 })
      for (const authorization of ['Bearer e30.e30.e30', 'Bearer', expired])
        await refused({ authorization, application: secret }, { status: 401, code: 'token.invalid' })
    })

    it.each([undefined, '', ' '])('with a token and the ApplicationToken %j', async (application) => {
      const detail = expect.stringContaining('send its secret in the header ApplicationToken')
      await refused(
        { authorization: await token(), ...(application !== undefined && { application }) },
        {
          ...missing,
          detail,
        },
      )
    })

    it('with two Authorization headers, of which node would drop one', async () => {
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      const good = basicOf(credential.id, secret)
      for (const authorization of [
        [good, good],
        [await token(), good],
        [good, 'x'],
      ])
        await refused({ authorization }, malformed)
    })

    it('with two ApplicationTokens', async () => {
      const { secret } = await makeCredential(database.knex)
      await refused({ authorization: await token(), application: [secret, secret] }, malformed)
    })

    it('with a secret in the URL', async () => {
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      const authorization = basicOf(credential.id, secret)
      const inUrl = { status: 400, code: 'request.token_in_url' }
      const answer = await refused({ authorization, query: `?x=${secret}` }, inUrl)
      expect(JSON.stringify(answer.body)).not.toContain(secret)
      await refused({ authorization, query: '?ApplicationToken=x' }, inUrl)
    })

    it('with a wrong ApplicationToken', async () => {
      const { secret } = await makeCredential(database.knex)
      const { secret: ofBasic } = await makeCredential(database.knex, { kind: 'basic' })
      const wrongs = [newSecret('application'), `${secret}x`, secret.slice(0, -1), secret.toUpperCase()]
      for (const application of [...wrongs, ofBasic, 'guess', 'x'.repeat(5_000)]) {
        const authorization = await token()
        const answer = await refused({ authorization, application, from: '192.0.2.1' }, invalid)
        expect(answer.body['detail']).toMatch(/^The ApplicationToken is wrong: send the secret of/)
        expect(JSON.stringify(answer.body)).not.toContain(application)
      }
    })

    it('with a wrong user name or password of Basic', async () => {
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      const other = await makeCredential(database.knex, { kind: 'basic' })
      const application = await makeCredential(database.knex)
      for (const authorization of [
        basicOf(credential.id, newSecret('basic')),
        basicOf(credential.id, other.secret),
        basicOf(credential.id, ''),
        basicOf(`${credential.id} `, secret),
        basicOf(credential.id.toUpperCase(), secret),
        basicOf('', secret),
        basicOf(application.credential.id, application.secret),
        basicOf('zoë', '\0\u{1F511}'),
      ])
        await refused(
          { authorization, from: '192.0.2.2' },
          { ...invalid, detail: expect.stringContaining('The user name or the password') },
        )
    })

    it('with a Basic that can not be read', async () => {
      const detail = expect.stringContaining('malformed')
      for (const authorization of ['Basic', 'Basic !', `Basic ${Buffer.from('x').toString('base64')}`])
        await refused({ authorization }, { ...invalid, detail })
    })

    it('with an expired credential, told so', async () => {
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      const application = await makeCredential(database.knex)
      const authorization = basicOf(credential.id, secret)
      expect((await send({ authorization })).status).toBe(200)
      called = undefined
      const detail = 'This credential has expired: have a new one made, and send its secret.'
      now = () => credential.expiresAt.getTime()
      await refused({ authorization }, { ...invalid, detail })
      now = () => application.credential.expiresAt.getTime()
      const bearer = await token({ exp: Date.now() / 1_000 + 7_200 })
      await refused({ authorization: bearer, application: application.secret }, { ...invalid, detail })
    })

    it('with a revoked credential, from the next request on', async () => {
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      const authorization = basicOf(credential.id, secret)
      expect((await send({ authorization })).status).toBe(200)
      called = undefined
      await createCredentialRegister(database.knex).revoke(credential.id)
      const detail = 'This credential was revoked: have a new one made, and send its secret.'
      await refused({ authorization }, { ...invalid, detail })
    })

    it('as of an organization that there is not, where the path, the token or the credential is of another', async () => {
      const own = await makeCredential(database.knex)
      const others = await makeCredential(database.knex, { organization: 'other-org' })
      const basicOwn = await makeCredential(database.knex, { kind: 'basic' })
      const bearer = await token()
      const bodies = []
      for (const organization of [
        2,
        999,
        0,
        -1,
        '01',
        '1.0',
        '1e0',
        '%31x',
        '2147483648',
        'helping-hands',
        '🙂',
      ]) {
        const path = { organization }
        bodies.push(await refused({ ...path, authorization: bearer, application: own.secret }, unknown))
        bodies.push(await refused({ ...path, authorization: bearer, application: others.secret }, unknown))
        const authorization = basicOf(basicOwn.credential.id, basicOwn.secret)
        bodies.push(await refused({ ...path, authorization }, unknown))
      }
      const foreign = await token({ organization: 'other-org' })
      const nowhere = await token({ organization: 'nowhere' })
      await refused({ authorization: bearer, application: others.secret }, unknown)
      await refused({ authorization: foreign, application: own.secret }, unknown)
      await refused({ authorization: foreign, application: others.secret }, unknown)
      await refused({ authorization: nowhere, application: own.secret }, unknown)
    })

    it('on the host of another organization, or of none', async () => {
      const application = (await makeCredential(database.knex)).secret
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      for (const host of [
        `other-org.${domain}`,
        `nowhere.${domain}`,
        'evil.example',
        `a.helping-hands.${domain}`,
      ]) {
        await refused({ host, authorization: basicOf(credential.id, secret) }, unknown)
        await refused({ host, authorization: await token(), application }, unknown)
      }
    })

    it.each(['organization_member', 'organization_constituent'] as const)(
      'as %s, be it the token’s role or the credential’s',
      async (role) => {
        const forbidden = { status: 403, code: 'role.forbidden' }
        const great = (await makeCredential(database.knex)).secret
        const small = (await makeCredential(database.knex, { role })).secret
        const basic = await makeCredential(database.knex, { kind: 'basic', role })
        await refused({ authorization: await token({ roles: [role] }), application: great }, forbidden)
        await refused({ authorization: await token({ roles: [] }), application: great }, forbidden)
        await refused({ authorization: await token(), application: small }, forbidden)
        await refused({ authorization: await token({ roles: [role] }), application: small }, forbidden)
        await refused({ authorization: basicOf(basic.credential.id, basic.secret) }, forbidden)
      },
    )
  })

  describe('is known', () => {
    it('by a token and an ApplicationToken', async () => {
      const { credential, secret } = await makeCredential(database.knex, { contact: 'it@example.com' })
      const authorization = await token({ sub: 'anna', email: 'Anna@Example.com' })
      expect((await send({ authorization, application: secret })).status).toBe(200)
      expect(called).toEqual({
        organizationId: 1,
        subject: 'anna',
        email: 'Anna@Example.com',
        verifiedEmail: 'Anna@Example.com',
        role: 'organization_owner',
        importer: { role: 'organization_owner', subject: 'anna', emailKey: 'anna@example.com' },
        credential: { id: credential.id, contact: 'it@example.com' },
        hasUser: true,
      })
    })

    it('with an address that is not verified for his own user, and for no letter', async () => {
      const { secret } = await makeCredential(database.knex)
      await send({ authorization: await token({ email_verified: false }), application: secret })
      expect(called).toMatchObject({
        email: 'ada@example.com',
        verifiedEmail: undefined,
        importer: { emailKey: 'ada@example.com' },
      })
    })

    it('by Basic alone, as nobody’s user', async () => {
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      const subject = `credential:${credential.id}`
      // What is not needed is not looked at.
      const sent = { authorization: basicOf(credential.id, secret), application: 'x' }
      expect((await send(sent)).status).toBe(200)
      expect(called).toEqual({
        organizationId: 1,
        subject,
        email: undefined,
        verifiedEmail: undefined,
        role: 'organization_owner',
        importer: { role: 'organization_owner', subject, emailKey: undefined },
        credential: { id: credential.id, contact: undefined },
        hasUser: false,
      })
    })

    it.each([`helping-hands.${domain}`, `HELPING-HANDS.${domain}.:443`, domain, '127.0.0.1:3000', '[::1]'])(
      'on %s',
      async (host) => {
        const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
        const application = (await makeCredential(database.knex)).secret
        expect((await send({ host, authorization: basicOf(credential.id, secret) })).status).toBe(200)
        expect((await send({ host, authorization: await token(), application })).status).toBe(200)
      },
    )
  })

  describe('after too many wrong secrets from an address', () => {
    const wrong = (from: string): Sent => ({
      authorization: basicOf('0123456789abcdef', newSecret('basic')),
      from,
    })
    const tooMany = { status: 429, code: 'attempts.too_many' }

    it('is told when to come back, and a right secret is taken all the same', async () => {
      const from = '198.51.100.1'
      for (let attempt = 1; attempt <= 20; attempt += 1) await refused(wrong(from), invalid)
      const answer = await refused(wrong(from), tooMany)
      const seconds = Number(answer.headers['retry-after'])
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(600)
      const application = newSecret('application')
      await refused({ authorization: await token(), application, from }, tooMany)
      await refused(wrong('198.51.100.2'), invalid)
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      expect((await send({ authorization: basicOf(credential.id, secret), from })).status).toBe(200)
    })

    it('is not refused after a thousand', async () => {
      const from = '198.51.100.3'
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      const authorization = basicOf(credential.id, secret)
      const statuses = new Map<number, number>()
      for (let hundred = 0; hundred < 10; hundred += 1) {
        const answers = await Promise.all([
          ...Array.from({ length: 100 }, () => send(wrong(from))),
          send({ authorization, from }),
        ])
        expect(answers.pop()?.status).toBe(200)
        for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
      expect(Object.fromEntries(statuses)).toEqual({ 401: 20, 429: 980 })
      const rows = await database.knex('wrong_attempts').where({ key: from })
      expect(rows).toHaveLength(1)
      // What this process knows to be too many is not written again.
      expect(rows[0].points).toBe(20)
    })

    it('counts an IPv6 network of 64 bits as one address', async () => {
      for (let attempt = 1; attempt <= 20; attempt += 1)
        await refused(wrong(`2001:db8:7:7::${attempt.toString(16)}`), invalid)
      await refused(wrong('2001:db8:7:7:ffff::1'), tooMany)
      await refused(wrong('2001:db8:7:8::1'), invalid)
    })

    it('does not count what is missing, malformed, expired or revoked', async () => {
      const from = '198.51.100.4'
      const { credential, secret } = await makeCredential(database.knex, { kind: 'basic' })
      await createCredentialRegister(database.knex).revoke(credential.id)
      for (let attempt = 1; attempt <= 25; attempt += 1) {
        await refused({ from }, missing)
        await refused({ authorization: 'Basic !', from }, invalid)
        await refused({ authorization: basicOf(credential.id, secret), from }, invalid)
      }
      expect(await database.knex('wrong_attempts').where({ key: from })).toEqual([])
    })
  })
})
