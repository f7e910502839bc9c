import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { longRows, numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

const rows = 2_000
// More than the system takes in for a client that does not read.
const upload = numberedHeader + numbered(0, rows) + longRows(900)

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
    await until(async () => (await imported()) === rows)
    expect((await service.post('email\nanna@example.com\n')).status).toBe(200)
    await until(() => service.logged().includes('request aborted'))
    client.socket.resume()
    expect(await client.ending()).not.toBe('open')
    expect(client.body.complete).toBe(false)
  })
})
