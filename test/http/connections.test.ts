import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { listen, type RunningServer } from '../../src/http/server.ts'
import { RawClient } from '../support/raw-client.ts'
import { inTime } from '../support/until.ts'

/** So long that no test sees the end of it. */
const FOR_EVER = 3_600_000

describe('the connections of the server', () => {
  let server: RunningServer
  let port: number
  const clients: RawClient[] = []

  beforeEach(async () => {
    server = await listen((_req, res) => res.end('answered'), {
      host: '127.0.0.1',
      port: 0,
      stopping: () => false,
    })
    port = Number(new URL(server.url).port)
  })
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy()
  })

  async function connect(): Promise<RawClient> {
    const client = await RawClient.connect({ port })
    clients.push(client)
    return client
  }

  async function get(client: RawClient): Promise<void> {
    await client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until((text) => text.includes('answered'))
  }

  /** Waits until the server knows of all connections and of what was sent on them: it takes them in their order. */
  async function known(): Promise<void> {
    const last = await connect()
    await get(last)
    last.destroy()
  }

  const stop = (patience: number): Promise<void> => inTime(server.stop(patience))

  it('that have said nothing are ended when the service stops', async () => {
    const silent = await Promise.all([connect(), connect(), connect()])
    await known()
    await stop(FOR_EVER)
    for (const client of silent) expect(await client.ending()).not.toBe('open')
  })

  it('that wait for their next request are ended when the service stops', async () => {
    const client = await connect()
    await get(client)
    await stop(FOR_EVER)
    expect(await client.ending()).toBe('ended')
  })

  it('that are in the middle of a request head do not outlive the patience', async () => {
    const client = await connect()
    await client.write('GET / HTTP/1.1\r\nHost: loc')
    await known()
    await stop(300)
    expect(await client.ending()).not.toBe('open')
  })

  it('that were refused and never close their half do not outlive the patience', async () => {
    const client = await connect()
    await client.write('GARBAGE\r\n\r\n')
    await client.until((text) => text.includes('}'))
    await stop(300)
    expect(await client.ending()).not.toBe('open')
  })

  it.each<[string, string]>([
    ['no method', 'GARBAGE\r\n\r\n'],
    ['no version', 'GET /\r\nHost: localhost\r\n\r\n'.replace('GET /', 'GET / FTP/1.1')],
    ['a version that there is not', 'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n'],
    ['the beginning of TLS', '\u0016\u0003\u0001\u0000\u00A5\u0001\u0000\u0000'],
    ['a header without a name', 'GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n'],
    ['a length that is no number', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ])('are answered 400 with a body of RFC 9457 where they carry %s', async (_what, text) => {
    const client = await connect()
    await client.write(Buffer.from(text, 'latin1'))
    expect(await client.ending()).toBe('ended')
    expectProblem(client, 400)
    client.destroy()
    await stop(1_000)
  })

  it('are answered 431 with a body of RFC 9457 where the head is too large', async () => {
    const client = await connect()
    await client.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(await client.ending()).not.toBe('open')
    expectProblem(client, 431)
    client.destroy()
    await stop(1_000)
  })

  function expectProblem(client: RawClient, status: number): void {
    expect(client.status).toBe(status)
    expect(client.text).toMatch(/^content-type: application\/problem\+json/im)
    expect(client.text).toMatch(/^connection: close\r$/im)
    expect(client.text).not.toMatch(/^ +at |HPE_|node:/m)
    expect(client.body.complete).toBe(true)
    expect(JSON.parse(client.body.text)).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      status,
      detail: expect.any(String),
      code: 'request.malformed',
    })
  }
})
