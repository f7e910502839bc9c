import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

// Embedded, the database has one connection: whoever holds a lock there holds everything.
const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

// More than there are connections.
const organizations = Array.from({ length: 12 }, (_, index) => `org-${index}`)

onServer('strict imports and dry runs of many organizations at once', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService({ settings: { ORGANIZATIONS: ['other-org', ...organizations].join(',') } })
  })
  afterAll(() => service.close())

  it('leave connections to the imports of others, and all end', async () => {
    const waiting = async (): Promise<number> => {
      const sql = `select count(*)::integer as count from pg_locks where not granted`
      return (await service.knex.raw<{ rows: { count: number }[] }>(sql)).rows[0]!.count
    }
    const holder = await service.knex.transaction()
    const sent: ReturnType<Service['post']>[] = []
    try {
      await holder.raw(`select 1 from organizations where slug like 'org-%' for update`)
      for (const [at, organization] of organizations.entries()) {
        const token = await service.token({ organization })
        const query = at % 2 === 0 ? 'dryRun=true' : 'strict=true'
        sent.push(service.post('email\nanna@example.com\n', { token, query }))
      }
      await until(async () => (await waiting()) > 1)
      const token = await service.token({ organization: 'other-org' })
      for (let round = 0; round < 20; round += 1) {
        const other = await service.post(`email\nanna-${round}@example.com\n`, { token })
        expect(other.status).toBe(200)
      }
    } finally {
      await holder.rollback()
    }
    for (const { status } of await Promise.all(sent)) expect(status).toBe(200)
  })
})
