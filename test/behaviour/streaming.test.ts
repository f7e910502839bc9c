import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { endsWhole, headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'

const countOf = (text: string): number => text.split('\nimported,').length - 1

describe('a streamed answer', () => {
  let service: Service
  let client: RawClient

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(async () => {
    await service.knex('users').delete()
    client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
  })
  afterEach(() => {
    client.destroy()
  })

  it('has sent nothing while the header is not whole', async () => {
    await client.chunk('slug,email,given')
    await setTimeout(400)
    expect(client.text).toBe('')
  })

  it('has sent nothing while no row is whole', async () => {
    await client.chunk(`${numberedHeader}u-1,u-1@exam`)
    await setTimeout(400)
    expect(client.text).toBe('')
  })

  it('brings the first rows back while later ones are still to be sent', async () => {
    await client.chunk(numberedHeader + numbered(0, 100))
    await client.until((text) => countOf(text) === 100)
    await client.chunk(numbered(100, 200))
    await client.until((text) => countOf(text) === 200)
    await client.chunk(numbered(200, 201))
    await client.until((text) => countOf(text) === 201)
    await client.chunk('')
    await client.until((text) => endsWhole(text))
    expect(rowsOf(client.body.text).map(({ slug }) => slug)).toEqual(
      Array.from({ length: 201 }, (_, index) => `u-${index}`),
    )
  })

  it('has each row in the database when it says so', async () => {
    for (let sent = 0; sent < 300; sent += 60) {
      await client.chunk((sent === 0 ? numberedHeader : '') + numbered(sent, sent + 60))
      await client.until((text) => countOf(text) >= sent + 1)
      const reported = countOf(client.text)
      const [row] = await service.knex('users').count({ count: '*' })
      expect(Number(row!['count'])).toBeGreaterThanOrEqual(reported)
      await client.until((text) => countOf(text) === sent + 60)
    }
    await client.chunk('')
    await client.until((text) => endsWhole(text))
  })

  it('goes along with an upload that sends a row only once the one before is answered', async () => {
    await client.chunk(numberedHeader)
    for (let row = 0; row < 20; row += 1) {
      await client.chunk(numbered(row, row + 1))
      await client.until((text) => countOf(text) === row + 1)
    }
    await client.chunk('')
    await client.until((text) => endsWhole(text))
    expect(rowsOf(client.body.text)).toHaveLength(20)
  })

  it('is the same for an upload that comes byte by byte', async () => {
    const upload = 'e-mail;Given Name\r\nböb@example.com;"Bö""b;"\r\n\r\nx;y\r\n'
    for (const byte of Buffer.from(upload)) await client.write(Buffer.from([0x31, 13, 10, byte, 13, 10]))
    await client.chunk('')
    await client.until((text) => endsWhole(text))
    await service.knex('users').delete()
    expect(client.body.text).toBe((await service.post(upload)).text)
  })

  it('is the header alone for a header without rows', async () => {
    for (const upload of ['slug,email', 'slug,email\r\n', '\uFEFFslug,email\n']) {
      const { status, text } = await service.post(upload)
      expect(status).toBe(200)
      const end = upload.endsWith('\r\n') ? '\r\n' : '\n'
      expect(text).toBe(`${upload.startsWith('\uFEFF') ? '\uFEFF' : ''}disposition,errors,slug,email${end}`)
    }
  })

  it('is nothing but the status for a header without rows as NDJSON', async () => {
    const answer = await service.post('slug,email\n', { headers: { Accept: 'application/x-ndjson' } })
    expect(answer.status).toBe(200)
    expect(answer.text).toBe('')
  })

  it('may be followed by another request on the same connection', async () => {
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.chunk('')
    await client.until((text) => endsWhole(text))
    const length = client.received.length
    await client.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until((text) => text.slice(length).includes('"ok"'))
  })
})
