import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { receiptOf, resultOf, untilReceipt } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('a file that is imported as a whole in the background', () => {
  let service: Service
  let token: string

  beforeAll(async () => {
    service = await startService()
    token = await service.token({ email: 'owner@example.org' })
  })
  afterAll(() => service.close())

  const good = 'email,givenName\nanna@example.org,Anna\nbob@example.org,Bob\n'

  async function ended(query: string, body: string): Promise<string> {
    const answer = await service.post(body, { query: `async=true&${query}`, token })
    expect(answer.status).toBe(202)
    const id = answer.headers.get('import-id') ?? ''
    await untilReceipt(service, id, ({ state }) => state === 'finished')
    return id
  }

  it('is refused with its result where a row is invalid, and nothing is written', async () => {
    const id = await ended('strict=true', `${good}x,x\n`)
    expect(await receiptOf(service, id)).toMatchObject({ refused: true, counts: { valid: 2, invalid: 1 } })
    expect((await resultOf(service, id)).text).toContain('valid,,anna@example.org,Anna')
    expect(await service.knex('users').pluck('email')).toEqual([])
  })

  it('is only looked at in a dry run', async () => {
    const id = await ended('dryRun=true', good)
    expect(await receiptOf(service, id)).toMatchObject({ dryRun: true, counts: { valid: 2, invalid: 0 } })
    expect(await service.knex('users').pluck('email')).toEqual([])
  })

  it('is imported where all rows are good', async () => {
    const id = await ended('strict=true', good)
    expect(await receiptOf(service, id)).toMatchObject({ refused: false, counts: { imported: 2 } })
    expect(await service.knex('users').orderBy('email').pluck('email')).toEqual([
      'anna@example.org',
      'bob@example.org',
    ])
  })
})
