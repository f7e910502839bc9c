import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { exchange, upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('a token whose claims hold what no database stores', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it.each([
    ['a subject with NUL', { subject: 'a\u0000b' }],
    ['an e-mail address with NUL', { email: 'a\u0000b@example.com' }],
    ['a subject with half a character', { subject: 'a\ud800b' }],
    ['a subject of 5,000 characters', { subject: 'a'.repeat(5_000) }],
  ])('such as %s is answered, and not by a mistake of ours', async (_, claims) => {
    const answer = await upload(service, 'email\na@example.com\n', {
      claims,
      headers: { 'Idempotency-Key': 'odd' },
    })
    expect([200, 401]).toContain(answer.status)
    const member = await exchange(service, { claims: { ...claims, role: 'organization_member' } })
    expect([200, 401]).toContain(member.status)
  })
})
