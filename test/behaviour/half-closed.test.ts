import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { endsWhole, headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'
import { settledUsers } from '../support/settled-users.ts'
import { until } from '../support/until.ts'

const count = 4_000
const upload = numberedHeader + numbered(0, count)
const slugs = Array.from({ length: count }, (_, index) => `u-${index}`)
const versions = ['1.1', '1.0'] as const

describe('a client that closes its half of the connection', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(async () => {
    await settledUsers(service.knex)
    await service.knex('users').delete()
  })

  async function sendAndClose(head: string, body: string): Promise<RawClient> {
    const client = await RawClient.connect(service)
    client.socket.end(head + body)
    return client
  }

  async function expectWholeAnswer(client: RawClient): Promise<void> {
    expect(await client.ending()).toBe('ended')
    expect(client.status).toBe(200)
    expect(client.body.complete).toBe(true)
    const rows = rowsOf(client.body.text)
    expect(rows.map(({ slug }) => slug)).toEqual(slugs)
    expect(rows.filter(({ disposition }) => disposition !== 'imported')).toEqual([])
    expect(await service.knex('users').pluck('slug')).toHaveLength(count)
  }

  it.each(versions)(
    'after a whole upload gets a whole answer, every row once, under HTTP/%s',
    async (version) => {
      const head = headOf({ token: await service.token(), length: upload.length, version })
      await expectWholeAnswer(await sendAndClose(head, upload))
    },
  )

  it('after its last chunk gets a whole answer', async () => {
    const body = `${upload.length.toString(16)}\r\n${upload}\r\n0\r\n\r\n`
    await expectWholeAnswer(await sendAndClose(headOf({ token: await service.token() }), body))
  })

  it.each(versions)('once the answer has begun still gets all of it, under HTTP/%s', async (version) => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: upload.length, version }))
    const most = numberedHeader.length + numbered(0, 100).length
    await client.write(upload.slice(0, most))
    await client.until((text) => text.includes('imported'))
    client.socket.end(upload.slice(most))
    await expectWholeAnswer(client)
  })

  it.each(versions)('and reads only later gets a whole answer under HTTP/%s', async (version) => {
    const client = await RawClient.connect(service)
    client.socket.pause()
    client.socket.end(headOf({ token: await service.token(), length: upload.length, version }) + upload)
    await until(async () => (await service.knex('users').pluck('slug')).length === count)
    client.socket.resume()
    await expectWholeAnswer(client)
  })

  const cuts = [
    numberedHeader.length,
    numberedHeader.length + 20,
    numberedHeader.length + numbered(0, 50).length,
    Math.floor(upload.length / 2),
    upload.lastIndexOf('\n', upload.length - 2) + 1,
    upload.length - 1,
  ]

  it.each(versions.flatMap((version) => cuts.map((at) => [at, version] as const)))(
    'at byte %i of its upload never gets an answer that looks complete, under HTTP/%s',
    async (at, version) => {
      const head = headOf({ token: await service.token(), length: upload.length, version })
      const client = await sendAndClose(head, upload.slice(0, at))
      const ending = await client.ending()
      const { status, text } = client
      expect([0, 200, 400]).toContain(status)
      if (status === 200 && version === '1.0') expect(ending).toBe('reset')
      if (status === 200 && version === '1.1') expect(endsWhole(text)).toBe(false)
      const rowsSent = upload.slice(0, at).split('\n').length - 2
      expect((await settledUsers(service.knex)).filter((slug) => Number(slug.slice(2)) >= rowsSent)).toEqual(
        [],
      )
    },
  )

  it('without having said anything is let go', async () => {
    const client = await sendAndClose('', '')
    expect(await client.ending(30_000)).toBe('ended')
    expect(client.text).toBe('')
  })

  it('between two requests is let go', async () => {
    const client = await RawClient.connect(service)
    await client.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until((text) => text.includes('"ok"'))
    client.socket.end()
    expect(await client.ending(30_000)).toBe('ended')
  })
})
