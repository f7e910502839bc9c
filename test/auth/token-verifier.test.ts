import { createHmac, createSign, generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { exportSPKI } from 'jose'
import type { TokenVerifier } from '../../src/auth/caller.ts'
import { createTokenVerifier } from '../../src/auth/token-verifier.ts'
import { claimsAt, FakeIssuer, FrozenClock, makeKey, sign } from './fake-issuer.ts'
import type { IssuerKey } from './fake-issuer.ts'

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a verifier of tokens of an issuer elsewhere', () => {
  let [key, stranger] = [] as unknown as [IssuerKey, IssuerKey]
  let publicPem: string
  let issuer: FakeIssuer
  let clock: FrozenClock
  let verifier: TokenVerifier

  const claims = (changes = {}) => claimsAt(clock.now, changes)
  const seconds = () => clock.now / 1000
  const refusal = async (token: string) => {
    const error: unknown = await verifier.verify(token).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'ServiceError', code: 'token.invalid', status: 401 })
    return error as Error & { headers: Record<string, string> }
  }

  beforeAll(async () => {
    ;[key, stranger] = await Promise.all([makeKey('key'), makeKey('stranger')])
    publicPem = await exportSPKI(key.publicKey)
  })
  beforeEach(async () => {
    issuer = new FakeIssuer()
    await issuer.listen()
    issuer.published = [key.jwk]
    clock = new FrozenClock()
    verifier = createTokenVerifier(issuer.settings, clock.read)
  })
  afterEach(() => issuer.close())

  const hmac = (alg: string, header = {}) => {
    const signed = `${base64({ alg, kid: 'key', ...header })}.${base64(claims())}`
    return `${signed}.${createHmac(alg.replace('HS', 'sha'), publicPem).update(signed).digest('base64url')}`
  }
  const forged: Readonly<Record<string, () => string | Promise<string>>> = {
    'that is empty': () => '',
    'that is null': () => 'null',
    'of two parts': () => 'a.b',
    'of five parts, an encrypted one': () => 'a.b.c.d.e',
    'that is not base64url': () => 'a+b.c/d.e=',
    'whose header is no JSON': () => `${Buffer.from('{').toString('base64url')}.${base64(claims())}.c2ln`,
    'whose header is a list': () => `${base64([])}.${base64(claims())}.c2ln`,
    'whose claims are null': () => `${base64({ alg: 'RS256' })}.${base64(null)}.c2ln`,
    'whose claims are a list': () => `${base64({ alg: 'RS256' })}.${base64([])}.c2ln`,
    'that is huge': () => sign(key, claims({ padding: 'x'.repeat(9000) })),
    'with alg none': () => `${base64({ alg: 'none' })}.${base64(claims())}.`,
    'with alg nOnE and a signature': () => `${base64({ alg: 'nOnE', kid: 'key' })}.${base64(claims())}.c2ln`,
    'without alg': () => `${base64({ kid: 'key' })}.${base64(claims())}.c2ln`,
    'with an alg that is a list': () => `${base64({ alg: ['RS256'], kid: 'key' })}.${base64(claims())}.c2ln`,
    'signed by HS256 with the public key': () => hmac('HS256'),
    'signed by HS512 with the public key': () => hmac('HS512'),
    'of an asymmetric algorithm that is not configured': async () =>
      sign(await makeKey('key', 'PS256'), claims()),
    'with its own key in jwk': () => sign(stranger, claims(), { jwk: stranger.jwk }),
    'with the address of its key in jku': () => sign(stranger, claims(), { jku: `${issuer.origin}/evil` }),
    'with the address of its key in x5u': () => sign(stranger, claims(), { x5u: `${issuer.origin}/evil` }),
    'with its own certificate in x5c': () => sign(stranger, claims(), { x5c: ['MIIB'] }),
    'with a critical header': () =>
      `${base64({ alg: 'RS256', crit: ['exp'], exp: 1 })}.${base64(claims())}.c2ln`,
    'with an unencoded payload': () =>
      `${base64({ alg: 'RS256', crit: ['b64'], b64: false })}.${base64(claims())}.c2ln`,
    'with a kid that is a number': () => `${base64({ alg: 'RS256', kid: 1 })}.${base64(claims())}.c2ln`,
    'that has expired': () => sign(key, claims({ exp: seconds() - 10 })),
    'that never expires': () => sign(key, claims({ exp: undefined })),
    'with an exp that is a text': () => sign(key, claims({ exp: String(seconds() + 60) })),
    'with an endless exp': () =>
      `${base64({ alg: 'RS256' })}.${Buffer.from(JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e999')).toString('base64url')}.c2ln`,
    'that is not valid yet': () => sign(key, claims({ nbf: seconds() + 11 })),
    'with an nbf that is a text': () => sign(key, claims({ nbf: '0' })),
    'of another issuer': () => sign(key, claims({ iss: 'https://issuer.example.com' })),
    'of a list of issuers': () => sign(key, claims({ iss: ['https://issuer.example.com/'] })),
    'without an issuer': () => sign(key, claims({ iss: undefined })),
    'for another audience': () => sign(key, claims({ aud: 'rollcall2' })),
    'for other audiences': () => sign(key, claims({ aud: ['a', 'b'] })),
    'without an audience': () => sign(key, claims({ aud: undefined })),
    'without a subject': () => sign(key, claims({ sub: undefined })),
    'with a subject that is a number': () => sign(key, claims({ sub: 1 })),
    'with an empty subject': () => sign(key, claims({ sub: '' })),
    'with a NUL in its subject': () => sign(key, claims({ sub: 'a\0' })),
    'with half a surrogate pair in its subject': () => sign(key, claims({ sub: 'a\ud800' })),
    'without an organization': () => sign(key, claims({ organization: undefined })),
    'with an organization that is an object': () => sign(key, claims({ organization: { toString: 'x' } })),
    'without roles': () => sign(key, claims({ roles: undefined })),
    'with roles that are a text': () => sign(key, claims({ roles: 'organization_owner' })),
    'with a role that is a list': () => sign(key, claims({ roles: [['organization_owner']] })),
    'with an email that is a list': () => sign(key, claims({ email: ['ada@example.com'] })),
  }

  it.each(Object.keys(forged))('refuses a token %s, and asks nobody', async (name) => {
    const { message, headers } = await refusal(await forged[name]!())
    expect(headers['WWW-Authenticate']).toBe(`Bearer error="invalid_token", error_description="${message}"`)
    expect(message).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
    expect(issuer.requests).toBe(0)
  })

  it.each([
    ['another key under the same kid', async () => sign({ ...stranger, kid: 'key' }, claims())],
    ['no signature', async () => (await sign(key, claims())).replace(/[^.]*$/, '')],
    ['the signature of another token', async () => withSignatureOf(await sign(key, claims({ sub: 'x' })))],
  ])('refuses a token with %s', async (_, token) => {
    expect((await refusal(await token())).message).toBe('The signature of the token is not good.')
    expect(issuer.requests).toBe(1)
  })

  const withSignatureOf = (other: string) =>
    `${base64({ alg: 'RS256', kid: 'key' })}.${base64(claims())}.${other.split('.')[2]!}`

  it('refuses, and does not fail on, a key of 1024 bits', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
    issuer.published = [{ ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak', alg: 'RS256' }]
    const signed = `${base64({ alg: 'RS256', kid: 'weak' })}.${base64(claims())}`
    const signature = createSign('sha256').update(signed).sign(weak.privateKey).toString('base64url')
    await refusal(`${signed}.${signature}`)
  })

  it.each([
    ['broken', { n: '', e: '' }],
    ['private', { d: 'AQAB' }],
    ['symmetric', { kty: 'oct', k: 'c2VjcmV0' }],
    ['for encryption', { use: 'enc' }],
  ])('refuses, and does not fail on, a key that is %s', async (_, changes) => {
    issuer.published = [{ ...key.jwk, ...changes }]
    await refusal(await sign(key, claims()))
  })

  it('says what is wrong without saying what is in the token', async () => {
    const expired = await refusal(await sign(key, claims({ exp: seconds() - 60 })))
    expect(expired.message).toBe('The token has expired.')
    const elsewhere = await refusal(await sign(key, claims({ aud: 'secret-audience' })))
    expect(elsewhere.message).toBe('The token is for another audience.')
  })

  it('bears clocks that differ by less than ten seconds', async () => {
    await verifier.verify(await sign(key, claims({ exp: seconds() - 9 })))
    await verifier.verify(await sign(key, claims({ nbf: seconds() + 9 })))
  })

  it('tells who is calling', async () => {
    const token = await sign(
      key,
      claims({ aud: ['other', 'rollcall'], roles: ['organization_member', 'poet'] }),
    )
    await expect(verifier.verify(token)).resolves.toEqual({
      organization: 'helping-hands',
      subject: 'user-1',
      email: 'ada@example.com',
      emailVerified: true,
      roles: ['organization_member', 'poet'],
    })
  })

  it.each([
    [false, false],
    ['false', false],
    ['False', false],
    [true, true],
    ['true', true],
    [null, true],
    [undefined, true],
  ])('where email_verified is %p says that it is %p', async (claim, emailVerified) => {
    const token = await sign(key, claims({ email_verified: claim }))
    await expect(verifier.verify(token)).resolves.toMatchObject({ email: 'ada@example.com', emailVerified })
  })

  it.each([undefined, null, ''])('takes a token whose email is %p', async (email) => {
    await expect(verifier.verify(await sign(key, claims({ email })))).resolves.toMatchObject({
      email: undefined,
    })
  })

  it.each(['RS512', 'PS256', 'ES256', 'ES512', 'EdDSA', 'Ed25519'])(
    'takes %s where it is configured',
    async (alg) => {
      const other = await makeKey(alg, alg)
      issuer.published = [key.jwk, other.jwk]
      verifier = createTokenVerifier({ ...issuer.settings, algorithms: ['RS256', alg] }, clock.read)
      await expect(verifier.verify(await sign(other, claims()))).resolves.toMatchObject({ subject: 'user-1' })
      await expect(verifier.verify(await sign(key, claims()))).resolves.toMatchObject({ subject: 'user-1' })
    },
  )
})
