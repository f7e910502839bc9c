import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { listen, type RunningServer } from '../../src/http/server.ts'
import { RawClient } from '../support/raw-client.ts'
import { startUploadServer, until } from './upload-server.ts'

const limits = { head: 600, idle: 300, unread: 2_000 }
const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
const large = 32 * 2 ** 20

describe('a connection on which nothing moves', () => {
  let server: RunningServer | undefined
  const clients: RawClient[] = []

  async function connectTo(
    answer: (req: IncomingMessage, res: ServerResponse) => unknown,
  ): Promise<RawClient> {
    const options = { host: '127.0.0.1', port: 0, stopping: () => false, limits }
    server = await listen((req, res) => void answer(req, res), options)
    const client = await RawClient.connect({ port: Number(new URL(server.url).port) })
    clients.push(client)
    return client
  }
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy()
    await server?.stop(1_000)
    server = undefined
  })

  it('is ended where no request comes', async () => {
    const client = await connectTo((_req, res) => res.end())
    expect(await client.ending(3_000)).not.toBe('open')
  })

  it('is ended between two requests', async () => {
    const client = await connectTo((_req, res) => res.end('answered'))
    await client.write(get)
    await client.until((text) => text.includes('answered'))
    expect(await client.ending(10_000)).toBe('ended')
  })

  it('is ended with a 408 where the head of a request comes too slowly', async () => {
    const client = await connectTo((_req, res) => res.end())
    await client.write('GET / HTTP/1.1\r\nHost: localhost\r\nX: ')
    for (let sent = 0; sent < 60 && (await client.ending(0)) === 'open'; sent += 1) {
      await client.write('x').catch(() => undefined)
      await setTimeout(50)
    }
    expect(client.status).toBe(408)
    expect(client.text).toMatch(/^connection: close\r$/im)
    expect(JSON.parse(client.body.text)).toMatchObject({ code: 'request.too_slow', status: 408 })
  })

  it('stays open while the service is busy with an answer', async () => {
    const client = await connectTo(async (_req, res) => {
      await setTimeout(1_500)
      res.end('at last')
    })
    await client.write(get)
    await client.until((text) => text.includes('at last'), 5_000)
  })

  it('stays open while the service is busy with the first part of an upload', async () => {
    const uploads = await startUploadServer({ limits, onPiece: () => setTimeout(1_500) })
    const client = await uploads.connect()
    await client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nema')
    await until(() => uploads.received().length > 0)
    await setTimeout(1_000)
    await client.write('il\r\n')
    await client.until((text) => text.includes('}'), 5_000)
    expect(client.status).toBe(200)
    await uploads.close()
  })

  it('is broken off where an answer is never read', async () => {
    let closed = false
    const client = await connectTo(async (_req, res) => {
      res.once('close', () => (closed = true))
      for (let sent = 0; sent < large && !closed; sent += 2 ** 20)
        if (!res.write(Buffer.alloc(2 ** 20))) await Promise.race([once(res, 'drain'), once(res, 'close')])
      res.end()
    })
    client.socket.pause()
    await client.write(get)
    await setTimeout(1_000)
    expect(closed).toBe(false)
    await until(() => closed, 5_000)
    client.socket.resume()
    // Whether Node, reading so late, tells of the reset or of an end is a matter of luck.
    expect(await client.ending(5_000)).not.toBe('open')
    expect(client.body.complete).toBe(false)
  })

  it('is given time where an answer is read slowly, and all of it arrives', async () => {
    const client = await connectTo((_req, res) => {
      res.setHeader('Content-Length', large)
      res.end(Buffer.alloc(large))
    })
    client.socket.pause()
    let read = 0
    client.socket.on('data', (chunk: Buffer) => (read += chunk.length))
    client.socket.pause()
    await client.write(get)
    // Two seconds are enough for what the system holds back, as half an hour is at 1 kB a second. However large its
    // buffers are, nothing is read for three times as long as an idle connection lives.
    for (let pauses = 0; pauses < 45; pauses += 1) {
      await setTimeout(20)
      client.socket.resume()
      await setTimeout(1)
      client.socket.pause()
    }
    client.socket.resume()
    await until(() => read >= large || client.socket.destroyed, 10_000)
    expect(read).toBeGreaterThanOrEqual(large)
  })
})
