import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { ConnectionLimits } from '../../src/http/connections.ts'
import { listen, type RunningServer } from '../../src/http/server.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { startUploadServer } from './upload-server.ts'

/** So long that no test sees the end of it. */
const FOR_EVER = 3_600_000
/** Longer than a machine that has much to do keeps a request on its way, and shorter than what is done meanwhile. */
const limits = { head: 2_000, idle: 1_000, unread: FOR_EVER }
const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
const large = 32 * 2 ** 20

describe('a connection on which nothing moves', () => {
  let server: RunningServer | undefined
  const clients: RawClient[] = []

  async function connectTo(
    answer: (req: IncomingMessage, res: ServerResponse) => unknown,
    others: Partial<ConnectionLimits> = {},
  ): Promise<RawClient> {
    const own = { ...limits, ...others }
    const options = { host: '127.0.0.1', port: 0, stopping: () => false, limits: own }
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
    expect(await client.ending()).not.toBe('open')
  })

  it('is ended between two requests', async () => {
    const client = await connectTo((_req, res) => res.end('answered'))
    await client.write(get)
    await client.until((text) => text.includes('answered'))
    expect(await client.ending()).toBe('ended')
  })

  it('is ended with a 408 where the head of a request comes too slowly', async () => {
    const client = await connectTo((_req, res) => res.end(), { idle: FOR_EVER })
    await client.write('GET / HTTP/1.1\r\nHost: localhost\r\nX: ')
    await until(async () => {
      await client.write('x').catch(() => undefined)
      return (await client.ending(50)) !== 'open'
    })
    expect(client.status).toBe(408)
    expect(client.text).toMatch(/^connection: close\r$/im)
    expect(JSON.parse(client.body.text)).toMatchObject({ code: 'request.too_slow', status: 408 })
  })

  it('stays open while the service is busy with an answer', async () => {
    const client = await connectTo(async (_req, res) => {
      await setTimeout(4_000)
      res.end('at last')
    })
    await client.write(get)
    await client.until((text) => text.includes('at last'))
  })

  it('stays open while the service is busy with the first part of an upload', async () => {
    const uploads = await startUploadServer({ limits, onPiece: () => setTimeout(4_000) })
    const client = await uploads.connect()
    await client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nema')
    await until(() => uploads.received().length > 0)
    await setTimeout(2_500)
    await client.write('il\r\n')
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(200)
    await uploads.close()
  })

  /** A client that reads nothing of an answer that is larger than whatever the system holds back. */
  async function neverReading(unread: number): Promise<{ client: RawClient; closed: () => boolean }> {
    let [closed, blocked] = [false, false]
    const write = async (res: ServerResponse): Promise<void> => {
      res.once('close', () => (closed = true))
      while (!closed) {
        if (res.write(Buffer.alloc(2 ** 20))) continue
        blocked = true
        await Promise.race([once(res, 'drain'), once(res, 'close')])
      }
    }
    const client = await connectTo((_req, res) => write(res), { unread })
    client.socket.pause()
    await client.write(get)
    await until(() => blocked)
    return { client, closed: () => closed }
  }

  it('is given more time than others where an answer is not read', async () => {
    const { closed } = await neverReading(FOR_EVER)
    await setTimeout(4_000)
    expect(closed()).toBe(false)
  })

  it('is broken off where an answer is never read', async () => {
    const { client, closed } = await neverReading(500)
    await until(closed)
    client.socket.resume()
    // Whether Node, reading so late, tells of the reset or of an end is a matter of luck.
    expect(await client.ending()).not.toBe('open')
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
    // However large the buffers of the system are, hardly anything is read for three times as long as an idle
    // connection lives.
    for (let pauses = 0; pauses < 150; pauses += 1) {
      await setTimeout(20)
      client.socket.resume()
      await setTimeout(1)
      client.socket.pause()
    }
    client.socket.resume()
    await until(() => read >= large || client.socket.destroyed)
    expect(read).toBeGreaterThanOrEqual(large)
  })
})
