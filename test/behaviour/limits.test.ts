import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'

const maxRows = 200
const maxBytes = 20_000

describe('a limit', () => {
  let service: Service

  beforeAll(async () => {
    const settings = { MAX_ROWS: String(maxRows), MAX_UPLOAD_BYTES: String(maxBytes) }
    service = await startService({ settings })
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  /** Sends the head and 60 rows, waits for the first of them, and then sends the rest. */
  async function begun(rest: string, version: '1.0' | '1.1' = '1.1'): Promise<RawClient> {
    const client = await RawClient.connect(service)
    const first = numberedHeader + numbered(0, 60)
    const token = await service.token()
    if (version === '1.0') {
      await client.write(headOf({ token, version, length: Buffer.byteLength(first + rest) }) + first)
      await client.until((text) => text.includes('imported'))
      await client.write(rest)
    } else {
      await client.write(headOf({ token }))
      await client.chunk(first)
      await client.until((text) => text.includes('imported'))
      await client.chunk(rest)
      await client.chunk('').catch(() => undefined)
    }
    return client
  }

  async function expectReported(client: RawClient): Promise<void> {
    const whole = client.body.text.slice(0, client.body.text.lastIndexOf('\n') + 1)
    const reported = rowsOf(whole).filter(({ disposition }) => disposition === 'imported')
    const stored = new Set(await service.knex('users').pluck('slug'))
    expect(reported.length).toBeGreaterThan(0)
    expect(reported.filter(({ slug }) => !stored.has(slug))).toEqual([])
  }

  it('of bytes is a 413 by Content-Length, before a byte is read', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: maxBytes + 1 }))
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(413)
    expect(JSON.parse(client.body.text)).toMatchObject({ status: 413, code: 'upload.too_large' })
    client.destroy()
  })

  it('of bytes is a 413 of a body in chunks that has no row yet', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(`email,${'"'.padEnd(maxBytes, 'x')}`)
    await client.chunk('')
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(413)
    client.destroy()
  })

  it.each(['1.1', '1.0'] as const)(
    'of rows, met after the first row, is a connection that is reset under HTTP/%s',
    async (version) => {
      const client = await begun(numbered(60, maxRows + 1), version)
      expect(await client.ending()).toBe('reset')
      expect(client.status).toBe(200)
      if (version === '1.1') expect(client.body.complete).toBe(false)
      await expectReported(client)
    },
  )

  it('of bytes, met after the first row, is a connection that is reset', async () => {
    const client = await begun(numbered(60, 61, 'x'.repeat(maxBytes)))
    expect(await client.ending()).toBe('reset')
    expect(client.body.complete).toBe(false)
    await expectReported(client)
  })

  it('of rows imports no row beyond it', async () => {
    const client = await begun(numbered(60, maxRows + 50))
    await client.ending()
    const stored = await service.knex('users').pluck('slug')
    expect(stored.length).toBeLessThanOrEqual(maxRows)
  })

  it('of rows is met by exactly as many rows', async () => {
    const { status, text } = await service.post(numberedHeader + numbered(0, maxRows))
    expect(status).toBe(200)
    expect(rowsOf(text)).toHaveLength(maxRows)
  })

  it('of bytes is met by exactly as many bytes', async () => {
    const rows = 'email,name\nanna@example.com,'
    const name = 'x'.repeat(maxBytes - rows.length)
    const { status, text } = await service.post(rows + name, { query: 'only=invalid' })
    expect(status).toBe(200)
    expect(rowsOf(text)).toHaveLength(1)
  })
})
