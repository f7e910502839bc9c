import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { startService, type Answer, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

// Embedded, the database has one connection: whoever holds a lock there holds everything.
const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

// Longer than anybody waits for a connection.
const HELD_MILLISECONDS = 7_000
const count = 20
const imports = 12

onServer('an organization that somebody holds in the database', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it('keeps its own imports waiting and no others, and they are complete when it is let go', async () => {
    const holder = await service.knex.transaction()
    const answered: Answer[] = []
    const waiting: Promise<Answer>[] = []
    try {
      await holder.raw('select 1 from organizations where organization_id = 1 for update')
      for (let number = 0; number < imports; number += 1) {
        const answer = service.post(numberedHeader + numbered(number * count, (number + 1) * count))
        waiting.push(answer)
        void answer.then((given) => answered.push(given))
      }
      await until(async () => {
        const held = 'select count(*)::integer as count from pg_locks where not granted'
        return (await service.knex.raw<{ rows: { count: number }[] }>(held)).rows[0]!.count > 0
      })

      const token = await service.token({ organization: 'other-org' })
      const end = Date.now() + HELD_MILLISECONDS
      for (let round = 0; Date.now() < end; round += 1) {
        const other = await service.post(`email\nanna-${round}@example.com\n`, { token })
        expect(other.status).toBe(200)
        expect(other.text).toContain('imported')
        expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
        await setTimeout(500)
      }
      // Whatever the others waited, it was not for this: nothing of this organization was answered meanwhile.
      expect(answered).toEqual([])
    } finally {
      await holder.rollback()
    }

    for (const { status, text } of await Promise.all(waiting)) {
      expect(status).toBe(200)
      expect(rowsOf(text).map(({ disposition }) => disposition)).toEqual(Array(count).fill('imported'))
    }
    const slugs = await service.knex('users').where({ organization_id: 1 }).pluck('slug')
    expect(new Set(slugs).size).toBe(imports * count)
    expect(slugs).toHaveLength(imports * count)
  })
})
