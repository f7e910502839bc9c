import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'

// More than the system takes in for a client that does not read.
const rows = 30_000
const upload = numberedHeader + numbered(0, rows, 'x'.repeat(230))

describe('a client that never reads', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService({ limits: { head: 60_000, idle: 500, unread: 1_500 } })
  })
  afterAll(() => service.close())

  it('has all his rows imported, is dropped after a while, and nobody else waits', async () => {
    const client = await RawClient.connect(service)
    client.socket.pause()
    await client.write(headOf({ token: await service.token(), length: upload.length }) + upload)
    const imported = async (): Promise<number> => (await service.knex('users').pluck('id')).length
    for (let tries = 0; tries < 100 && (await imported()) < rows; tries += 1) await setTimeout(200)
    expect(await imported()).toBe(rows)
    expect((await service.post('email\nanna@example.com\n')).status).toBe(200)
    for (let tries = 0; tries < 100 && !service.logged().includes('aborted'); tries += 1) await setTimeout(50)
    expect(service.logged()).toContain('request aborted')
    client.socket.resume()
    expect(await client.ending()).not.toBe('open')
    expect(client.body.complete).toBe(false)
  })
})
