import { constants, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { inflated } from '../../src/http/inflate.ts'
import { until } from '../support/until.ts'
import { startUploadServer, type UploadServer } from './upload-server.ts'

const csv = `email\n${Array.from({ length: 2_000 }, (_, index) => `u-${index}@example.com\n`).join('')}`
const packed = gzipSync(csv)
const gzip = { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' }
const zeros = Buffer.alloc(100_000)

/** A body in pieces of a given size, as the server is likely to see them. */
function inPieces(bytes: Buffer, size: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size))
      controller.close()
    },
  })
}

describe('an upload with Content-Encoding', () => {
  let server: UploadServer

  beforeAll(async () => {
    server = await startUploadServer()
  })
  afterAll(() => server.close())

  it.each(['br', 'deflate', 'gzip, gzip', 'zstd', 'gzip;q=1'])('%s is refused with 415', async (encoding) => {
    const answer = await server.post(csv, { 'Content-Type': 'text/csv', 'Content-Encoding': encoding })
    expect(answer).toMatchObject({ status: 415, code: 'encoding.unsupported' })
    expect(answer.headers.get('accept-encoding')).toBe('gzip, identity')
  })

  it.each(['gzip', 'GZip', 'x-gzip'])('%s is unpacked', async (encoding) => {
    expect((await server.post(packed, { ...gzip, 'Content-Encoding': encoding })).text).toBe(csv)
  })

  it.each(['identity', ''])('"%s" is taken as it is', async (encoding) => {
    const answer = await server.post(csv, { 'Content-Type': 'text/csv', 'Content-Encoding': encoding })
    expect(answer.text).toBe(csv)
  })

  it.each<[string, Buffer]>([
    ['no gzip at all', Buffer.from(csv)],
    ['of another format', deflateSync(csv)],
    ['gzip with a wrong checksum', Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8, 1)])],
    ['gzip with a damaged middle', Buffer.concat([packed.subarray(0, 500), zeros, packed.subarray(600)])],
    ['gzip with text behind it', Buffer.concat([packed, Buffer.from('more')])],
    ['gzip with the first byte of another behind it', Buffer.concat([packed, Buffer.of(0x1f)])],
    ['gzip with zeros and text behind it', Buffer.concat([packed, zeros, Buffer.from('x')])],
    ['gzip with zeros and gzip behind it', Buffer.concat([packed, zeros, packed])],
  ])('that is %s is refused with 400, and never looks complete', async (_what, body) => {
    for (const size of [body.length, 1_000, packed.length]) {
      const answer = await server.post(inPieces(body, size), gzip)
      expect(answer).toMatchObject({ status: 400, code: 'encoding.broken' })
      expect(answer.detail).toContain('gzip')
      expect(server.endings.at(-1)).not.toBe('complete')
    }
  })

  it('that is cut is refused with 400, at every byte', async () => {
    const small = gzipSync('email\nanna@example.com\n')
    for (let at = 1; at < small.length; at += 1) {
      const answer = await server.post(small.subarray(0, at), gzip)
      expect({ at, code: answer.code }).toEqual({ at, code: 'encoding.broken' })
    }
  })

  it('that has several members is read whole, wherever they meet', async () => {
    const members = Buffer.concat([gzipSync(csv), gzipSync(''), gzipSync('last\n'), gzipSync('of all\n')])
    for (const size of [members.length, packed.length, packed.length + 1, packed.length - 1, 7]) {
      expect((await server.post(inPieces(members, size), gzip)).text === `${csv}last\nof all\n`).toBe(true)
    }
  })

  it('that is padded with zeros is read', async () => {
    const padded = Buffer.concat([packed, zeros])
    for (const size of [padded.length, packed.length, 1_000]) {
      expect((await server.post(inPieces(padded, size), gzip)).text === csv).toBe(true)
    }
  })

  it('that is empty is an empty upload', async () => {
    expect(await server.post('', gzip)).toMatchObject({ status: 200, text: '' })
    expect(await server.post(gzipSync(''), gzip)).toMatchObject({ status: 200, text: '' })
  })

  it('is given as it comes, a flushed line at a time', async () => {
    const client = await server.connect()
    await client.write(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const first = gzipSync('the first line\n', { finishFlush: constants.Z_SYNC_FLUSH })
    await client.write(`${first.length.toString(16)}\r\n`)
    await client.write(first)
    await client.write('\r\n')
    await until(() => server.received().includes('the first line\n'))
    client.destroy()
  })

  it('stands for a gigabyte is refused by what it stands for, and hardly any of it is read', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 28), { level: 9 })
    const bombs = Buffer.concat([bomb, bomb, bomb, bomb])
    expect(bombs.length).toBeLessThan(2 ** 21)
    expect(await server.post(bombs, gzip)).toMatchObject({ status: 413, code: 'upload.too_large' })
    let [asked, unpacked] = [0, 0]
    // eslint-disable-next-line @typescript-eslint/require-await
    async function* pieces(): AsyncGenerator<Buffer> {
      for (let at = 0; at < bombs.length; at += 1_024) {
        asked += 1
        yield bombs.subarray(at, at + 1_024)
      }
    }
    const reading = (async () => {
      for await (const piece of inflated(pieces(), 1_000_000)) unpacked += piece.length
    })()
    await expect(reading).rejects.toMatchObject({ code: 'upload.too_large' })
    expect(unpacked).toBeLessThanOrEqual(1_000_000)
    // Each stands for about a megabyte.
    expect(asked).toBeLessThan(4)
  })

  it('does not unpack ahead of who reads', async () => {
    const pieces: number[] = []
    let release: (value?: unknown) => void = () => undefined
    const held = new Promise((resolve) => (release = resolve))
    const slow = await startUploadServer({
      maxBytes: 2 ** 30,
      onPiece: (piece) => {
        pieces.push(piece.length)
        return pieces.length === 3 ? held : undefined
      },
    })
    const answer = slow.post(gzipSync(Buffer.alloc(2 ** 24)), gzip)
    await until(() => pieces.length === 3)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(pieces).toHaveLength(3)
    release()
    expect((await answer).text).toHaveLength(2 ** 24)
    await slow.close()
  })
})
