import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { RawClient } from '../support/raw-client.ts'
import {
  formOf,
  formType,
  startUploadServer,
  until,
  type UploadServer,
  type UploadServerOptions,
} from './upload-server.ts'

const pace = { bytesPerSecond: 1_000, patience: 500 }
const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n'

describe('an upload that is waited for', () => {
  const servers: UploadServer[] = []
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  let before = 0

  async function start(options: UploadServerOptions = {}): Promise<UploadServer> {
    const server = await startUploadServer({ pace, ...options })
    servers.push(server)
    return server
  }
  beforeEach(() => {
    before = timers()
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
    await until(() => timers() <= before)
  })

  function expectTooSlow(client: RawClient): void {
    expect(client.status).toBe(408)
    expect(client.text).toMatch(/^connection: close\r$/im)
    expect(JSON.parse(client.body.text)).toMatchObject({ code: 'request.too_slow', status: 408 })
  }

  it('is refused with 408 where nothing comes, and others are unaffected', async () => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    expect(await server.post(Buffer.from('email\n'))).toMatchObject({ status: 200 })
    expect(await client.ending(5_000)).toBe('ended')
    expectTooSlow(client)
  })

  it.each([1, 5])('is refused with 408 where %i bytes come at a time, too few a second', async (bytes) => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    for (let sent = 0; sent < 100 && (await client.ending(0)) === 'open'; sent += 1) {
      await client.chunk('x'.repeat(bytes)).catch(() => undefined)
      await setTimeout(40)
    }
    expectTooSlow(client)
    expect(server.received().length).toBeGreaterThan(5 * bytes)
  })

  it('is broken off where the answer has begun', async () => {
    const server = await start({
      onPiece: (_piece, res) => {
        res.write('begun\n')
        return undefined
      },
    })
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    await client.chunk('email\n')
    await client.until((text) => text.includes('begun'))
    expect(await client.ending(5_000)).toBe('reset')
    expect(client.status).toBe(200)
    expect(client.body.complete).toBe(false)
  })

  it('goes on for much longer than the patience where enough comes', async () => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}\r\n`)
    for (let sent = 0; sent < 25; sent += 1) {
      await client.chunk('x'.repeat(150))
      await setTimeout(100)
    }
    await client.chunk('')
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(200)
    client.destroy()
  })

  it('loses no patience while the service itself is busy', async () => {
    const server = await start({ onPiece: () => setTimeout(400) })
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
    for (let at = 0; at < packed.length && (await client.ending(0)) === 'open'; at += 1) {
      await client
        .write(Buffer.concat([Buffer.from('1\r\n'), packed.subarray(at, at + 1), Buffer.from('\r\n')]))
        .catch(() => undefined)
      await setTimeout(40)
    }
    expectTooSlow(client)
  })

  it('must come to the file of a form within the first patience, however fast it goes on', async () => {
    const server = await start()
    const client = await server.connect()
    await client.write(`${head}Content-Type: ${formType}\r\n\r\n`)
    for (let sent = 0; sent < 100 && (await client.ending(0)) === 'open'; sent += 1) {
      await client
        .chunk(formOf([{ name: 'note', value: 'x'.repeat(500) }], '').toString())
        .catch(() => undefined)
      await setTimeout(40)
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
    for (let sent = 0; sent < 15; sent += 1) {
      await client.chunk('x'.repeat(150))
      await setTimeout(100)
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
