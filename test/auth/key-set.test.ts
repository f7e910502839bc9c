import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { TokenVerifier } from '../../src/auth/caller.ts'
import { createTokenVerifier } from '../../src/auth/token-verifier.ts'
import { claimsAt, FakeIssuer, FrozenClock, makeKey, sign } from './fake-issuer.ts'
import type { IssuerKey } from './fake-issuer.ts'
import { until } from '../support/until.ts'

const HOUR = 3600

describe('the keys of an issuer elsewhere', () => {
  let [first, second, stranger] = [] as unknown as [IssuerKey, IssuerKey, IssuerKey]
  let issuer: FakeIssuer
  let clock: FrozenClock
  let verifier: TokenVerifier

  const token = (key: IssuerKey, changes = {}) => sign(key, claimsAt(clock.now, changes))
  const verify = async (key: IssuerKey) => verifier.verify(await token(key))
  /** Waits until so many requests were made, and until the answer to the last of them was taken in. */
  const settled = async (requests: number) => {
    await until(() => issuer.requests >= requests)
    // A token of a key that is not known waits for the fetch under way, and so soon after it there is no other.
    await verify(stranger).catch(() => undefined)
  }
  const unreachable = { code: 'issuer.unreachable', status: 503 }
  const invalid = { code: 'token.invalid', status: 401 }

  beforeAll(async () => {
    ;[first, second, stranger] = await Promise.all([makeKey('first'), makeKey('second'), makeKey('stranger')])
  })
  beforeEach(async () => {
    issuer = new FakeIssuer()
    await issuer.listen()
    issuer.published = [first.jwk]
    clock = new FrozenClock()
    verifier = createTokenVerifier(issuer.settings, clock.read)
  })
  afterEach(() => issuer.close())

  describe('when they were never reached', () => {
    beforeEach(() => {
      issuer.goDown()
    })

    it('answers 503 and says when to try again', async () => {
      await expect(verify(first)).rejects.toMatchObject({ ...unreachable, headers: { 'Retry-After': '30' } })
      clock.advance(12.5)
      await expect(verify(first)).rejects.toMatchObject({ ...unreachable, headers: { 'Retry-After': '18' } })
    })

    it('is not ready', async () => {
      await expect(verifier.ready()).rejects.toMatchObject(unreachable)
    })

    it('asks once in 30 seconds, however many tokens come', async () => {
      for (let second = 0; second < 60; second++) {
        await Promise.allSettled([verify(first), verify(first), verifier.ready()])
        clock.advance(1)
      }
      expect(issuer.requests).toBe(2)
    })

    it('serves as soon as they are reached', async () => {
      await expect(verify(first)).rejects.toMatchObject(unreachable)
      issuer.comeBack()
      clock.advance(30)
      await expect(verify(first)).resolves.toMatchObject({ subject: 'user-1' })
      await expect(verifier.ready()).resolves.toBeUndefined()
    })

    it('asks again although the clock was set back', async () => {
      await expect(verify(first)).rejects.toMatchObject(unreachable)
      issuer.comeBack()
      clock.advance(-HOUR)
      await expect(verify(first)).resolves.toMatchObject({ subject: 'user-1' })
    })
  })

  describe('when they cannot be reached any more', () => {
    beforeEach(async () => {
      await verifier.ready()
      issuer.goDown()
    })

    it('serves from the last good set for hours', async () => {
      for (let hour = 0; hour < 48; hour++) {
        clock.advance(HOUR)
        await expect(verify(first)).resolves.toMatchObject({ subject: 'user-1' })
        await expect(verifier.ready()).resolves.toBeUndefined()
        await settled(2 + hour)
      }
      expect(issuer.requests).toBe(49)
    })

    it('answers 503 to a token of an unknown key, for it may be a new one', async () => {
      clock.advance(31)
      await expect(verify(second)).rejects.toMatchObject(unreachable)
      await expect(verify(second)).rejects.toMatchObject(unreachable)
      expect(issuer.requests).toBe(2)
    })

    it('asks at most once in 30 seconds while the set is old', async () => {
      clock.advance(HOUR)
      for (let second = 0; second < 60; second++) {
        await verify(first)
        await settled(2 + Math.floor(second / 30))
        clock.advance(1)
      }
      expect(issuer.requests).toBe(3)
    })
  })

  it.each([
    ['an error', 500, 'oops'],
    ['a page', 200, '<html>'],
    ['null', 200, 'null'],
    ['an empty set', 200, '{"keys":[]}'],
    ['another document', 200, '{"jwks_uri":"x"}'],
    ['a set that is too large', 200, JSON.stringify({ keys: [{ kty: 'RSA', x: 'x'.repeat(300_000) }] })],
  ])('keeps the last good set when %s is answered in its place', async (_, status, body) => {
    await verifier.ready()
    issuer.answer = (_request, response) => response.writeHead(status).end(body)
    clock.advance(HOUR)
    await verify(first)
    await settled(2)
    expect(issuer.requests).toBe(2)
    await expect(verify(first)).resolves.toMatchObject({ subject: 'user-1' })
  })

  it('does not follow a redirect', async () => {
    issuer.answer = (request, response) => {
      if (request.url === '/jwks.json') response.writeHead(302, { location: '/elsewhere' }).end()
      else response.end(JSON.stringify({ keys: [first.jwk] }))
    }
    await expect(verify(first)).rejects.toMatchObject(unreachable)
    expect(issuer.requests).toBe(1)
  })

  it('answers 401 to 10,000 tokens of unknown keys, and asks once', async () => {
    await verifier.ready()
    clock.advance(31)
    const [head, body, signature] = (await token(second)).split('.') as [string, string, string]
    expect(head).not.toBe('')
    const forged = (index: number) => {
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `kid-${index}` })).toString('base64url')
      return verifier.verify(`${header}.${body}.${signature}`)
    }
    // All at once they would keep this process, which is the issuer too, from answering for as long as is waited for.
    for (let sent = 0; sent < 10_000; sent += 100) {
      const results = await Promise.allSettled(
        Array.from({ length: 100 }, (_, index) => forged(sent + index)),
      )
      for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: invalid })
    }
    expect(issuer.requests).toBe(2)
  })

  it('picks up a rotated key', async () => {
    await verify(first)
    issuer.published = [first.jwk, second.jwk]
    clock.advance(31)
    await expect(verify(second)).resolves.toMatchObject({ subject: 'user-1' })
    await expect(verify(first)).resolves.toMatchObject({ subject: 'user-1' })
    expect(issuer.requests).toBe(2)
  })

  it('forgets a key within ten minutes after it was withdrawn', async () => {
    await verify(first)
    issuer.published = [second.jwk]
    clock.advance(10 * 60)
    await verify(first)
    await settled(2)
    await expect(verify(first)).rejects.toMatchObject(invalid)
  })

  it('fetches one set for all tokens that come at once', async () => {
    await Promise.all(Array.from({ length: 100 }, () => verify(first)))
    expect(issuer.requests).toBe(1)
  })

  it('takes a token without kid that any of the keys has signed', async () => {
    issuer.published = [first.jwk, second.jwk]
    const nameless = { ...second, kid: undefined }
    await expect(verify(nameless)).resolves.toMatchObject({ subject: 'user-1' })
    const stranger = { ...(await makeKey(undefined)), kid: undefined }
    await expect(verify(stranger)).rejects.toMatchObject(invalid)
    expect(issuer.requests).toBe(1)
  })
})
