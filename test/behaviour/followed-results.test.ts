import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { longRows, numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  ended,
  exchange,
  idOf,
  idOfBegun,
  newestId,
  resultOf,
  untilReceipt,
  upload,
} from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'
import { inTime, until } from '../support/until.ts'

const ndjson = { Accept: 'application/x-ndjson' }

/** How many statements about chunks the service runs within some milliseconds. */
async function readingsWithin(knex: Knex, milliseconds: number): Promise<number> {
  const { client } = knex as unknown as { client: NodeJS.EventEmitter }
  let count = 0
  const seen = ({ sql }: { sql: string }): void => {
    if (/from import\w* where organization_id|from import_chunks/.test(sql.replace(/\s+/g, ' '))) count += 1
  }
  client.on('query', seen)
  await setTimeout(milliseconds)
  client.off('query', seen)
  return count
}

/** Waits until the service runs several statements about chunks in a row. */
async function untilReadAgainAndAgain(knex: Knex): Promise<void> {
  let readings = 0
  await until(async () => (readings += await readingsWithin(knex, 100)) > 2)
}

/** Waits until the service has run no statement about chunks for longer than it waits from one to the next. */
const untilNothingIsRead = (knex: Knex): Promise<void> =>
  until(async () => (await readingsWithin(knex, 1_000)) === 0)

/** Of which the answer is longer than what the system takes in for a client who does not read. */
const tooLongToBeOnItsWay = numberedHeader + longRows(900)

// Only on the embedded database do the tests see the service's own statements.
const onEmbedded = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? it : it.skip

describe('a result that is followed', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it('of a strict import that is refused says the same in NDJSON, to whoever followed it from the beginning', async () => {
    const client = await RawClient.connect(service)
    const id = await idOfBegun(service, async () => {
      await client.write(headOf({ token: await service.token(), query: 'strict=true' }))
      await client.chunk(numberedHeader + numbered(0, 3))
    })
    const follower = resultOf(service, id, { headers: ndjson })
    await setTimeout(300)
    await client.chunk('x,x,x\n')
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    expect(client.status).toBe(422)
    const followed = await follower
    expect(followed.complete).toBe(true)
    expect(followed.text).toBe((await resultOf(service, id, { headers: ndjson })).text)
    expect(followed.trailers['import-summary']).toBe('rows=4, valid=3, invalid=1, skipped=0')
    client.destroy()
  })

  onEmbedded(
    'and deleted meanwhile, breaks the answer of a slow reader off, and is not asked for again and again',
    async () => {
      const body = tooLongToBeOnItsWay
      const client = await RawClient.connect(service)
      client.socket.pause()
      const id = await idOfBegun(service, async () => {
        await client.write(headOf({ token: await service.token(), length: body.length }))
        await client.write(body)
      })
      await untilReceipt(service, id, ended, 120_000)
      await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })
      client.socket.resume()
      expect(await client.ending()).toBe('reset')
      expect(client.body.complete).toBe(false)
      await untilNothingIsRead(service.knex)
      client.destroy()
    },
  )

  onEmbedded('by a client that has left, is asked for no more', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    const follower = await RawClient.connect(service)
    await follower.write(
      `GET ${importPath}/${id}/result.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
    )
    await follower.until((text) => text.includes('imported'))
    await untilReadAgainAndAgain(service.knex)
    follower.socket.resetAndDestroy()
    await untilNothingIsRead(service.knex)
    client.destroy()
  })

  onEmbedded('by its Idempotency-Key, by a client that has left, is asked for no more', async () => {
    const more = 'Idempotency-Key: left\r\n'
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), more }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const body = numberedHeader + numbered(0, 3)
    const second = await RawClient.connect(service)
    await second.write(headOf({ token: await service.token(), more, length: body.length }) + body)
    await setTimeout(500)
    await untilReadAgainAndAgain(service.knex)
    second.socket.resetAndDestroy()
    await untilNothingIsRead(service.knex)
    client.destroy()
  })

  it('and deleted while a slow reader reads it, is broken off', async () => {
    const answer = await upload(service, tooLongToBeOnItsWay)
    const reader = await RawClient.connect(service)
    reader.socket.once('data', () => reader.socket.pause())
    const path = `${importPath}/${idOf(answer)}`
    await reader.write(
      `GET ${path}/result.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
    )
    await reader.until((text) => text.includes('200 OK'))
    await exchange(service, { method: 'DELETE', path })
    reader.socket.resume()
    expect(await reader.ending()).toBe('reset')
    expect(reader.body.complete).toBe(false)
  })

  it('of a strict import that still receives its upload, by HEAD is answered at once', async () => {
    const client = await RawClient.connect(service)
    const id = await idOfBegun(service, async () => {
      await client.write(headOf({ token: await service.token(), query: 'strict=true' }))
      await client.chunk(numberedHeader + numbered(0, 3))
    })
    const path = `${importPath}/${id}/result.csv`
    expect((await inTime(exchange(service, { method: 'HEAD', path }))).status).toBe(200)
    client.destroy()
  })
})
