import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { fetchKeySet } from '../../src/auth/fetch-key-set.ts'
import { FakeIssuer } from './fake-issuer.ts'

describe('fetchKeySet', () => {
  let issuer: FakeIssuer

  beforeEach(async () => {
    issuer = new FakeIssuer()
    await issuer.listen()
  })
  afterEach(() => issuer.close())

  it('gives up on a server that does not answer', async () => {
    issuer.answer = () => undefined
    await expect(fetchKeySet(issuer.settings.jwksUrl, 50)).rejects.toThrow('timeout')
  })

  it('gives up on an answer that does not end', async () => {
    issuer.answer = (_request, response) => response.write('{"keys":[')
    await expect(fetchKeySet(issuer.settings.jwksUrl, 50)).rejects.toThrow('timeout')
  })

  it('stops reading an answer without end', async () => {
    issuer.answer = (_request, response) => {
      const flood = () => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      }
      response.on('drain', flood)
      flood()
    }
    await expect(fetchKeySet(issuer.settings.jwksUrl)).rejects.toThrow('larger than 262144 bytes')
  })

  it('returns the keys', async () => {
    issuer.published = [{ kty: 'RSA', kid: 'one' }]
    await expect(fetchKeySet(issuer.settings.jwksUrl)).resolves.toEqual({
      keys: [{ kty: 'RSA', kid: 'one' }],
    })
  })
})
