import knex from 'knex'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader } from '../support/csv.ts'
import { upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

onServer('a client that waits for the service, and not the service for him', () => {
  let service: Service
  let place: Place

  beforeAll(async () => {
    place = await newPlace()
    service = await startService({
      settings: place.env,
      limits: { head: 60_000, idle: 1_500, unread: 60_000 },
    })
  })
  afterAll(async () => {
    await service.close()
    await place.remove()
  })

  it('is not cut by the idle limit, however long another import of his organization takes', async () => {
    const other = knex({ client: 'pg', connection: place.env['DATABASE_URL']!, pool: { min: 0, max: 1 } })
    const held = await other.transaction()
    await held.raw('select 1 from organizations where organization_id = 1 for update')
    const body = numberedHeader + numbered(0, 10)
    const headers = { 'Idempotency-Key': 'patient' }
    const waiting = [
      upload(service, body, { headers }),
      upload(service, body, { headers }),
      upload(service, body, { query: 'strict=true' }),
    ].map((each) =>
      each.then(
        ({ status }) => status,
        (error: unknown) => String(error),
      ),
    )
    await setTimeout(6_000)
    await held.rollback()
    await other.destroy()
    expect(await Promise.all(waiting)).toEqual([200, 200, 200])
  })
})
