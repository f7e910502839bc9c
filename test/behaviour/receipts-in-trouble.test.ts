import knex, { type Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { idOf, newest, receiptOf, resultOf, upload } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

onServer('a receipt, while every session of the database is ended again and again', () => {
  let service: Service
  let place: Place
  let direct: Knex

  beforeAll(async () => {
    place = await newPlace()
    service = await startService({ settings: place.env })
    direct = knex({ client: 'pg', connection: place.env['DATABASE_URL']!, pool: { min: 0, max: 1 } })
  })
  afterAll(async () => {
    await direct.destroy()
    await service.close()
    await place.remove()
  })
  beforeEach(() => direct('users').delete())

  // Resolves when they are gone: who asks next must not be the last to notice.
  const endSessions = (): Promise<unknown> =>
    direct.raw(`select pg_terminate_backend(pid, 10000) from pg_stat_activity
      where application_name = 'rollcall' and datname = current_database()`)

  async function troubled<T>(work: Promise<T>, pauses: number): Promise<T> {
    let done = false
    const finished = work.finally(() => (done = true))
    finished.catch(() => undefined)
    for (let round = 0; round < 12; round += 1) {
      await setTimeout(Math.random() * pauses)
      if (done as boolean) break
      await endSessions()
    }
    return finished
  }

  it.each(['', 'strict=true', 'dryRun=true'])(
    'tells of each row once, as the answer did and as the database has it, with ?%s',
    async (query) => {
      for (let round = 0; round < 4; round += 1) {
        await direct('users').delete()
        const body = numberedHeader + numbered(0, 8_000, `Round ${round}`)
        const answer = await troubled(
          upload(service, body, { query: `${query}&return=id`.replace(/^&/, '') }),
          300,
        )
        if (answer.status === 503) continue
        expect(answer.status).toBe(200)
        const [receipt] = await newest(service)
        const users = await direct('users').select('id', 'slug')
        const result = await resultOf(service, receipt!.id)
        const rows = rowsOf(result.text)
        expect(rows).toHaveLength(receipt!.counts['rows']!)
        expect(new Set(rows.map(({ slug }) => slug)).size).toBe(rows.length)
        if (answer.complete) {
          expect(result.bytes.equals(answer.bytes)).toBe(true)
          expect(receipt).toMatchObject({ id: idOf(answer), state: 'finished', counts: { rows: 8_000 } })
          expect(answer.trailers['import-summary']).toMatch(/^rows=8000, /)
        }
        if (query === 'dryRun=true') expect(users).toEqual([])
        else {
          expect(users).toHaveLength(rows.length)
          const ids = new Map(users.map(({ id, slug }: { id: string; slug: string }) => [slug, id]))
          for (const { id, slug, disposition } of rows) {
            expect([slug, disposition, id]).toEqual([slug, 'imported', ids.get(slug!)])
          }
        }
      }
      expect(await receiptOf(service, idOf(await upload(service, numberedHeader)))).toMatchObject({
        state: 'finished',
      })
    },
    600_000,
  )
})
