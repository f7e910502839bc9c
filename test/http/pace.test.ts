import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import {
  formOf,
  formType,
  startUploadServer,
  type UploadServer,
  type UploadServerOptions,
} from './upload-server.ts'

const pace = { bytesPerSecond: 1_000, patience: 60_000 }
/** Of which the end is soon seen. */
const short = { bytesPerSecond: 1_000, patience: 2_000 }
const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n'

describe('an upload that is waited for', () => {
  const servers: UploadServer[] = []
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  let before = 0
  /** What the clock shows by which patience is measured. It stands still until a test moves it. */
  let time = 0

  async function start(options: UploadServerOptions = {}): Promise<UploadServer> {
    const server = await startUploadServer({ pace, ...options })
    servers.push(server)
    return server
  }
  beforeEach(() => {
    before = timers()
    time = 0
    jest.spyOn(performance, 'now').mockImplementation(() => time)
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
    jest.restoreAllMocks()
    await until(() => timers() <= before)
  })

  function expectTooSlow(client: RawClient): void {
    expect(client.status).toBe(408)
    expect(client.text).toMatch(/^connection: close\r$/im)
    expect(JSON.parse(client.body.text)).toMatchObject({ code: 'request.too_slow', status: 408 })
  }

  it('is refused with 408 where nothing comes, and others are unaffected', async () => {
    jest.restoreAllMocks()
    const server = await start({ pace: short })
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    expect(await server.post(Buffer.from('email\n'))).toMatchObject({ status: 200 })
    expect(await client.ending()).toBe('ended')
    expectTooSlow(client)
  })

  it.each([1, 5])('is refused with 408 where %i bytes come at a time, too few a second', async (bytes) => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    for (let sent = 1; sent <= 6; sent += 1) {
      time += 9_999
      await client.chunk('x'.repeat(bytes))
      await until(() => server.received().length === sent * bytes)
    }
    await until(async () => {
      time += 9_999
      await client.chunk('x'.repeat(bytes)).catch(() => undefined)
      return (await client.ending(20)) !== 'open'
    })
    expectTooSlow(client)
  })

  it('is broken off where the answer has begun', async () => {
    jest.restoreAllMocks()
    const server = await start({
      pace: short,
      onPiece: (_piece, res) => {
        res.write('begun\n')
        return undefined
      },
    })
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    await client.chunk('email\n')
    await client.until((text) => text.includes('begun'))
    expect(await client.ending()).toBe('reset')
    expect(client.status).toBe(200)
    expect(client.body.complete).toBe(false)
  })

  it('goes on for much longer than the patience where enough comes', async () => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    for (let sent = 1; sent <= 12; sent += 1) {
      time += 20_000
      await client.chunk('x'.repeat(25_000))
      await until(() => server.received().length === sent * 25_000)
    }
    await client.chunk('')
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(200)
    client.destroy()
  })

  it('loses no patience while the service itself is busy', async () => {
    const busy = (): undefined => {
      time += 50_000
    }
    const server = await start({ onPiece: busy })
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    for (let sent = 0; sent < 4; sent += 1) {
      await client.chunk('x'.repeat(50))
      await until(() => server.received().length === 50 * (sent + 1))
    }
    await client.chunk('')
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(200)
    client.destroy()
  })

  it('is measured as it travels, packed', async () => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}Content-Encoding: gzip\r\n\r\n`)
    // It unpacks to far more than is asked for in a second.
    const packed = gzipSync(Buffer.alloc(500_000))
    for (let at = 0; at < packed.length && (await client.ending(20)) === 'open'; at += 1) {
      time += 9_999
      await client
        .write(Buffer.concat([Buffer.from('1\r\n'), packed.subarray(at, at + 1), Buffer.from('\r\n')]))
        .catch(() => undefined)
    }
    expectTooSlow(client)
  })

  it('must come to the file of a form within the first patience, however fast it goes on', async () => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}Content-Type: ${formType}\r\n\r\n`)
    for (let sent = 0; sent < 100 && (await client.ending(20)) === 'open'; sent += 1) {
      time += 9_999
      await client
        .chunk(formOf([{ name: 'note', value: 'x'.repeat(500) }], '').toString())
        .catch(() => undefined)
    }
    expectTooSlow(client)
    expect(server.received()).toHaveLength(0)
  })

  it('may take its time once the file of a form has begun', async () => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}Authorization: Bearer x\r\nContent-Type: ${formType}\r\n\r\n`)
    const [before = '', after = ''] = formOf([{ fileName: 'users.csv', value: '|' }])
      .toString()
      .split('|')
    await client.chunk(before)
    for (let sent = 0; sent < 12; sent += 1) {
      time += 20_000
      await client.chunk('x'.repeat(25_000))
      await until(() => server.received().length > sent * 25_000)
    }
    await client.chunk(after)
    await client.chunk('')
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(200)
    client.destroy()
  })

  it('leaves no timer behind where the client goes', async () => {
    const server = await start({ pace: { bytesPerSecond: 1, patience: 60_000 } })
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    await client.chunk('email\n')
    await until(() => server.received().length > 0)
    client.socket.resetAndDestroy()
    await until(() => server.endings.length === 1)
    expect(server.endings[0]).toMatchObject({ code: 'request.interrupted' })
  })
})
