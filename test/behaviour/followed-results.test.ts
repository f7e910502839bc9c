import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { ended, exchange, idOf, newestId, resultOf, untilReceipt, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

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
    await client.write(headOf({ token: await service.token(), query: 'strict=true' }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await setTimeout(300)
    const id = await newestId(service)
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
      const body =
        numberedHeader +
        numbered(0, 60_000, 'A name of some length, so that it does not fit what is on its way')
      const client = await RawClient.connect(service)
      client.socket.pause()
      await client.write(headOf({ token: await service.token(), length: body.length }))
      await client.write(body)
      const id = await newestId(service)
      await untilReceipt(service, id, ended, 40_000)
      await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })
      client.socket.resume()
      await setTimeout(1_000)
      expect(await readingsWithin(service.knex, 1_000)).toBeLessThan(20)
      expect(await client.ending()).toBe('reset')
      expect(client.body.complete).toBe(false)
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
    expect(await readingsWithin(service.knex, 1_000)).toBeGreaterThan(2)
    follower.socket.resetAndDestroy()
    await setTimeout(1_000)
    expect(await readingsWithin(service.knex, 1_000)).toBe(0)
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
    expect(await readingsWithin(service.knex, 1_000)).toBeGreaterThan(2)
    second.socket.resetAndDestroy()
    await setTimeout(1_000)
    expect(await readingsWithin(service.knex, 1_000)).toBe(0)
    client.destroy()
  })

  it('and deleted while a slow reader reads it, is broken off', async () => {
    const name = 'A name of some length, so that it does not fit what is on its way'
    const answer = await upload(service, numberedHeader + numbered(0, 80_000, name))
    const reader = await RawClient.connect(service)
    reader.socket.pause()
    const path = `${importPath}/${idOf(answer)}`
    await reader.write(
      `GET ${path}/result.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
    )
    await setTimeout(500)
    await exchange(service, { method: 'DELETE', path })
    reader.socket.resume()
    expect(await reader.ending()).toBe('reset')
    expect(reader.body.complete).toBe(false)
  })

  it('of a strict import that still receives its upload, by HEAD is answered at once', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), query: 'strict=true' }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await setTimeout(300)
    const path = `${importPath}/${await newestId(service)}/result.csv`
    const head = await Promise.race([
      exchange(service, { method: 'HEAD', path }),
      setTimeout(3_000, undefined),
    ])
    client.destroy()
    expect(head?.status).toBe(200)
  })
})
