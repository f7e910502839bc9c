import { afterEach, describe, expect, it } from '@jest/globals'
import { longRows, numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

const rows = 2_000
// More than the system takes in for a client that does not read.
const upload = numberedHeader + numbered(0, rows) + longRows(900)

/** So long that no test sees the end of it. */
const FOR_EVER = 3_600_000

describe('a client that never reads', () => {
  let service: Service

  afterEach(() => service.close())

  async function neverReading(unread: number): Promise<RawClient> {
    service = await startService({ limits: { head: 60_000, idle: 5_000, unread } })
    const request = headOf({ token: await service.token(), length: upload.length }) + upload
    // From here on nothing may take long: a connection that says nothing is ended.
    const client = await RawClient.connect(service)
    client.socket.pause()
    void client.write(request).catch(() => undefined)
    return client
  }

  it('has all his rows imported, and nobody else waits', async () => {
    const client = await neverReading(FOR_EVER)
    const imported = async (): Promise<number> => (await service.knex('users').pluck('id')).length
    await until(async () => (await imported()) === rows, 150_000)
    expect((await service.post('email\nanna@example.com\n')).status).toBe(200)
    client.destroy()
  })

  it('is dropped after a while, and nobody else is', async () => {
    const client = await neverReading(1_500)
    await until(() => service.logged().includes('request aborted'), 150_000)
    client.socket.resume()
    expect(await client.ending()).not.toBe('open')
    expect(client.body.complete).toBe(false)
    expect((await service.post('email\nanna@example.com\n')).status).toBe(200)
  })
})
