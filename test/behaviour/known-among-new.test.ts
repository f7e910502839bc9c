import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { startService, type Service } from '../support/service.ts'

describe('a user who is known among many who are new', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(async () => {
    await service.knex('users').delete()
    await service.post('slug,email\nknown,known@example.com\n')
  })

  it.each<[string, string, string]>([
    ['his own slug and e-mail', 'known,known@example.com,Known', 'updated'],
    ['his slug and a new e-mail', 'known,other@example.com,Known', 'updated'],
    ['his e-mail and another slug', 'other,known@example.com,Known', 'invalid'],
  ])('is found at any distance, by %s', async (_what, line, disposition) => {
    for (const before of [0, 49, 50, 60, 300, 900]) {
      await service.knex('users').delete()
      await service.post('slug,email\nknown,known@example.com\n')
      const upload = `${numberedHeader}${numbered(0, before)}${line}\n${numbered(before, before + 20)}`
      const { status, text } = await service.post(upload, { query: 'dispositions=detailed' })
      expect(status).toBe(200)
      const dispositions = rowsOf(text).map((row) => row['disposition'])
      expect(dispositions.splice(before, 1)).toEqual([disposition])
      expect(new Set(dispositions)).toEqual(new Set(['created']))
    }
  })
})
