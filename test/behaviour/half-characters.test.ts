import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { idOf, resultOf, upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('an upload in UTF-16 with half a character', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it.each(['', 'unknown=echo', 'dryRun=true', 'only=invalid'])(
    'has a row fault, no U+FFFD in its answer, and a result equal to its answer, with ?%s',
    async (query) => {
      await service.knex('users').delete()
      const text = '\uFEFFemail,givenName\na@example.com,A\uD800\nb@example.com,\uDC00\nc@example.com,😀\n'
      const body = Buffer.from(text, 'utf16le')
      for (const headers of [{}, { Accept: 'application/x-ndjson' }]) {
        const answer = await upload(service, body, { query, headers })
        expect(answer.status).toBe(200)
        expect(answer.text).not.toContain('\uFFFD')
        expect(answer.text.match(/invalid/g)!.length).toBeGreaterThanOrEqual(2)
        const result = await resultOf(service, idOf(answer), { headers })
        expect(result.bytes.equals(answer.bytes)).toBe(true)
        expect(result.trailers).toEqual(answer.trailers)
        if (!query.includes('only')) expect(answer.text).toContain('😀')
      }
    },
  )
})
