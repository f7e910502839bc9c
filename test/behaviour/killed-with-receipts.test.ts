import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader, recordsOf, rowsOf } from '../support/csv.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { newest, receiptOf, resultOf, untilReceipt, upload, type Asked } from '../support/receipts.ts'

const ROUNDS = 4

describe('kill -9 at any moment', () => {
  let place: Place
  let process: ServiceProcess | undefined

  beforeEach(async () => {
    place = await newPlace()
  })
  afterEach(async () => {
    await process?.kill()
    await place.remove()
  })

  const start = async (): Promise<Asked> => {
    process = startProcess({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
    const token = await process.token()
    return { port: Number(new URL(await process.url()).port), token: () => Promise.resolve(token) }
  }

  /** Which of these users are there, as the service itself tells: a dry run changes nobody. */
  async function stored(service: Asked, rows: readonly string[]): Promise<Set<string>> {
    const body = `slug,email\n${rows.map((slug) => `${slug},${slug}@example.com\n`).join('')}`
    const { status, text } = await upload(service, body, { query: 'dryRun=true&dispositions=detailed' })
    expect([status, status === 200 ? '' : text]).toEqual([200, ''])
    return new Set(
      rowsOf(text).flatMap(({ disposition, slug }) => (disposition === 'created' ? [] : [slug!])),
    )
  }

  it.each(['', 'strict=true'])(
    'leaves a result that tells of just the rows that are stored, with ?%s',
    async (query) => {
      let service = await start()
      for (let round = 0; round < ROUNDS; round += 1) {
        const from = round * 10_000
        const body = numberedHeader + numbered(from, from + 10_000)
        const client = await RawClient.connect(service)
        const key = `round-${round}`
        const more = `Idempotency-Key: ${key}\r\n`
        await client.write(headOf({ token: await service.token(), length: body.length, query, more }))
        void client.write(body).catch(() => undefined)
        if (query === '') await client.until((text) => text.includes('imported'))
        await setTimeout(Math.random() * 700)
        process!.child.kill('SIGKILL')
        await process!.exit
        await client.ending()
        client.destroy()
        service = await start()
        // Where it was killed too soon there is none, and the newest of all would be that of an earlier look.
        const [receipt] = await newest(service, `?idempotencyKey=${key}`)
        if (receipt === undefined) continue
        await untilReceipt(service, receipt.id, ({ state }) => state !== 'running')
        const now = await receiptOf(service, receipt.id)
        const result = await resultOf(service, receipt.id)
        expect(result.complete).toBe(true)
        const told = rowsOf(result.text).map(({ slug }) => slug!)
        expect(told).toHaveLength(now.counts['rows']!)
        const all = Array.from({ length: 10_000 }, (_, index) => `u-${from + index}`)
        expect([...(await stored(service, all))]).toEqual(told)
        if (query !== '') expect([0, 10_000]).toContain(told.length)
        const answered = client.body.text
        const lines = recordsOf(answered.slice(0, answered.lastIndexOf('\n') + 1))
        expect(lines).toEqual(recordsOf(result.text).slice(0, lines.length))
      }
    },
    600_000,
  )
})
