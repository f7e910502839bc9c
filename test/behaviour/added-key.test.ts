import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, rowsOf } from '../support/csv.ts'
import { upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('a key that somebody added to the table of users', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
    await service.knex.raw(`create unique index own_phone on users (organization_id, phone_number)`)
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it.each([
    ['', 200, 139],
    ['dryRun=true', 200, 0],
    ['strict=true', 422, 0],
  ])('refuses the later of two rows, and just that row, with ?%s', async (query, status, stored) => {
    const rows = numbered(0, 140).trimEnd().split('\n')
    const phones = rows.map((row, at) => `${row},+4930${at === 77 ? 1_000_012 : 1_000_000 + at}`)
    const answer = await upload(service, `slug,email,givenName,phoneNumber\n${phones.join('\n')}\n`, {
      query,
    })
    expect(answer.status).toBe(status)
    const invalid = rowsOf(answer.text).flatMap((row, at) =>
      row['disposition'] === 'invalid' ? [[at, row['errors']]] : [],
    )
    expect(invalid).toEqual([[77, expect.stringContaining('own_phone')]])
    expect(await service.knex('users').pluck('slug')).toHaveLength(stored)
  })
})
