import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'
import { settledUsers } from '../support/settled-users.ts'
import { until } from '../support/until.ts'

const upload = numberedHeader + numbered(0, 400)

describe('an upload that breaks off', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  /** Rows are imported from the first on, none is left out, and none that was not sent whole. */
  async function expectPrefixOf(sent: string): Promise<number> {
    const whole = sent.slice(0, sent.lastIndexOf('\n') + 1).split('\n').length - 2
    const slugs = await settledUsers(service.knex)
    const numbers = slugs.map((slug) => Number(slug.slice(2))).sort((one, other) => one - other)
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index))
    expect(numbers.length).toBeLessThanOrEqual(Math.max(0, whole))
    return numbers.length
  }

  const cuts = [
    0,
    10,
    numberedHeader.length,
    numberedHeader.length + 1,
    numberedHeader.length + 20,
    1_000,
    (numberedHeader + numbered(0, 50)).length,
    (numberedHeader + numbered(0, 50)).length - 1,
    (numberedHeader + numbered(0, 50)).length + 3,
    (numberedHeader + numbered(0, 300)).length + 11,
    upload.length - 1,
    upload.length - 5,
  ]

  it.each(cuts)(
    'by a reset at byte %i leaves whole rows from the first on, and no part of one',
    async (at) => {
      const client = await RawClient.connect(service)
      await client.write(headOf({ token: await service.token(), length: upload.length }))
      const imports = async (): Promise<number> => (await service.knex('imports').select('id')).length
      const before = await imports()
      await client.write(upload.slice(0, at))
      await setTimeout(20)
      // Where a row may be imported, nothing is settled before its import has begun.
      if (at > numberedHeader.length) await until(async () => (await imports()) > before)
      client.socket.resetAndDestroy()
      await expectPrefixOf(upload.slice(0, at))
    },
  )

  it.each(cuts)('by the end of the sending side at byte %i never gets a whole answer', async (at) => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: upload.length }))
    await client.write(upload.slice(0, at))
    client.socket.end()
    expect(await client.ending()).not.toBe('open')
    if (client.status === 200) expect(client.body.complete).toBe(false)
    else expect([0, 400]).toContain(client.status)
    await expectPrefixOf(upload.slice(0, at))
    client.destroy()
  })

  it.each(['1.1', '1.0'] as const)('after its first answers is reset, under HTTP/%s too', async (version) => {
    const client = await RawClient.connect(service)
    const head = headOf({ token: await service.token(), length: upload.length, version })
    const sent = numberedHeader + numbered(0, 60)
    await client.write(head + sent)
    await client.until((text) => text.includes('imported'))
    client.socket.end()
    expect(await client.ending()).toBe('reset')
    await expectPrefixOf(sent)
  })

  it('in the middle of a chunk imports no cut row', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    const sent = numberedHeader + numbered(0, 60)
    await client.write(`${upload.length.toString(16)}\r\n${sent}`)
    await client.until((text) => text.includes('imported'))
    await client.write('u-60,u-60@example.c')
    client.destroy()
    await expectPrefixOf(sent)
  })

  it('before its last chunk imports no cut row, though a cut row looks whole', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(`${numberedHeader}u-0,u-0@example.com,Anna\nu-1,u-1@example.co`)
    client.socket.end()
    expect(await client.ending()).not.toBe('open')
    if (client.status === 200) expect(client.body.complete).toBe(false)
    const stored = await settledUsers(service.knex)
    expect(stored).not.toContain('u-1')
  })

  it('leaves every row that it reported in the database', async () => {
    for (const rows of [55, 130, 260]) {
      await service.knex('users').delete()
      const client = await RawClient.connect(service)
      await client.write(headOf({ token: await service.token(), length: upload.length }))
      await client.write(numberedHeader + numbered(0, rows))
      await client.until((text) => text.includes('imported'))
      client.socket.end()
      await client.ending()
      const text = client.body.text
      const reported = rowsOf(text.slice(0, text.lastIndexOf('\n') + 1))
      const stored = new Set(await settledUsers(service.knex))
      expect(reported.filter(({ slug }) => !stored.has(slug!))).toEqual([])
    }
  })

  it('can be sent again, which gives the state of one clean run', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: upload.length }))
    await client.write(upload.slice(0, 8_000))
    client.destroy()
    await settledUsers(service.knex)
    const { text } = await service.post(upload)
    expect(rowsOf(text).every(({ disposition }) => disposition === 'imported')).toBe(true)
    await expect(service.knex('users').count({ count: '*' })).resolves.toMatchObject([
      { count: expect.anything() },
    ])
    expect(await settledUsers(service.knex)).toHaveLength(400)
  })

  it('leaves nothing behind that keeps the next from working', async () => {
    for (let round = 0; round < 20; round += 1) {
      const client = await RawClient.connect(service)
      await client.write(headOf({ token: await service.token(), length: upload.length }))
      await client.write(upload.slice(0, 1_000 * round))
      client.destroy()
    }
    // Each is running until its end is written, and only so many may at once.
    let status = 0
    await until(async () => {
      status = (await service.post(upload, { query: 'only=invalid' })).status
      return status !== 429
    })
    expect(status).toBe(200)
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
  })
})

describe('a client who does not wait for the answer', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(async () => {
    await service.knex('imports').delete()
    await service.knex('users').delete()
  })

  const big = numberedHeader + numbered(0, 8_000)

  /** The receipt of the only import, once it has ended. */
  async function endedImport(): Promise<Record<string, unknown>> {
    let receipt: Record<string, unknown> | undefined
    await until(async () => {
      ;[receipt] = await service.knex('imports').whereNot({ state: 'running' })
      return receipt !== undefined
    })
    return receipt!
  }

  const stored = (): Promise<string[]> => service.knex('users').pluck('slug')

  it('and leaves in the middle of his upload stops the import after a batch, and its receipt says why', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: big.length }))
    const sent = big.slice(0, Math.floor(big.length / 2))
    await client.write(sent)
    await client.until((text) => text.includes('imported'))
    client.destroy()
    const receipt = await endedImport()
    expect(receipt).toMatchObject({
      state: 'aborted',
      reason_code: 'request.interrupted',
      created: (await stored()).length,
    })
    expect(receipt['created']).toBeLessThanOrEqual(sent.split('\n').length - 2)
    expect((await service.post('email\nx@example.com\n')).text).toContain('imported')
  })

  it('and never reads has every row imported all the same, and a receipt of it', async () => {
    const client = await RawClient.connect(service)
    client.socket.pause()
    await client.write(headOf({ token: await service.token(), length: big.length }))
    await client.write(big)
    expect(await endedImport()).toMatchObject({ state: 'finished', created: 8_000 })
    expect(await stored()).toHaveLength(8_000)
    client.destroy()
  })

  it('and leaves once all of it was sent has every row imported all the same, and a receipt of it', async () => {
    const small = numberedHeader + numbered(0, 400)
    const client = await RawClient.connect(service)
    client.socket.pause()
    await client.write(headOf({ token: await service.token(), length: small.length }) + small)
    await setTimeout(5)
    client.destroy()
    expect(await endedImport()).toMatchObject({ state: 'finished', created: 400 })
    expect(await stored()).toHaveLength(400)
  })
})
