import { createHash } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bodyOf, withMembers } from '../json/bodies.ts'
import { startMembersServer, type MembersServer } from './members-server.ts'
import { until } from '../support/until.ts'

const json = { 'Content-Type': 'application/json' }
const gzip = { ...json, 'Content-Encoding': 'gzip' }
const body = bodyOf([{ emailAddress: 'anna@example.com', givenName: 'Änna \ud800\0' }, {}])
const MiB = 2 ** 20

/** Spools that this process has open: files that have no name any more. */
function openSpools(): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return /rollcall-[\w-]+ \(deleted\)$/.test(readlinkSync(`/proc/self/fd/${name}`))
    } catch {
      return false
    }
  }).length
}

describe('the body of an import of members', () => {
  let server: MembersServer
  let spoolsBefore = 0

  beforeAll(async () => {
    if (process.platform === 'linux') spoolsBefore = openSpools()
    server = await startMembersServer()
  })
  afterAll(async () => {
    await server.close()
    if (process.platform === 'linux') expect(openSpools()).toBeLessThanOrEqual(spoolsBefore)
  })

  it.each([
    'text/csv',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-seq',
    'application/x-ndjson',
    'application/+json',
    'image/svg+xml',
    'text/vnd.x+json',
    'json',
    'application/',
    ';',
  ])('of the type %s is refused with 415', async (type) => {
    const answer = await server.post(body, { 'Content-Type': type })
    expect(answer).toMatchObject({ status: 415, code: 'media_type.unsupported' })
    expect(answer.headers.get('accept')).toBe('application/json, text/json, application/*+json')
    expect(answer.detail).toContain('Content-Type: application/json')
  })

  it('without a type is refused with 415', async () => {
    const answer = await server.post(Buffer.from(body), {})
    expect(answer).toMatchObject({ status: 415, code: 'media_type.unsupported' })
    expect(answer.detail).toContain('has no Content-Type')
  })

  it.each(['utf-16', 'iso-8859-1', 'windows-1252', 'nonsense', 'x'.repeat(5_000)])(
    'in the charset %s is refused with 415',
    async (charset) => {
      const answer = await server.post(body, { 'Content-Type': `application/json; charset=${charset}` })
      expect(answer).toMatchObject({ status: 415, code: 'charset.unsupported' })
      expect(answer.text.length).toBeLessThan(600)
    },
  )

  it.each([
    'application/json',
    'Application/JSON ; charset=UTF-8',
    'application/json;charset="utf8"',
    'text/json',
    'application/vnd.api+json',
    'application/ld+json; profile="x"',
  ])('of the type %s is read', async (type) => {
    const answer = await server.post(body, { 'Content-Type': type })
    expect(answer).toMatchObject({ status: 202, id: 'import-1', members: 2 })
    expect(answer.first).toEqual([{ emailAddress: 'anna@example.com', givenName: 'Änna \ud800\0' }, {}])
  })

  it('is counted and hashed as it is when it is unpacked', async () => {
    const upload = {
      bytes: Buffer.byteLength(body),
      sha256: createHash('sha256').update(body).digest('base64'),
    }
    expect(await server.post(body)).toMatchObject({ status: 202, upload })
    expect(await server.post(gzipSync(body), gzip)).toMatchObject({ status: 202, upload, members: 2 })
  })

  it.each(['br', 'deflate', 'gzip, gzip'])('packed as %s is refused with 415', async (encoding) => {
    const answer = await server.post(body, { ...json, 'Content-Encoding': encoding })
    expect(answer).toMatchObject({ status: 415, code: 'encoding.unsupported' })
  })

  it('that says gzip and is none, or is cut, is refused with 400', async () => {
    for (const packed of [Buffer.from(body), gzipSync(body).subarray(0, -9)])
      expect(await server.post(packed, gzip)).toMatchObject({ status: 400, code: 'encoding.broken' })
  })

  it('is refused as a problem of RFC 9457 with a pointer for each fault', async () => {
    const answer = await server.post(bodyOf([{ makeAdmin: 'yes' }], { id: null }))
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(JSON.parse(answer.text)).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail:
        '/id must be a string, but is null, and there is 1 other fault. Nothing was imported: mend the body and send it again.',
      instance: server.path,
      code: 'json.invalid',
      errors: [
        { pointer: '/id', code: 'type', detail: 'must be a string, but is null' },
        {
          pointer: '/newMembers/0/makeAdmin',
          code: 'type',
          detail: 'must be a boolean or null, but is a string',
        },
      ],
    })
  })

  it.each<[string, string | Buffer]>([
    ['', 'the body is empty'],
    [body.slice(0, -1), 'the body ends where a comma or the end'],
    [`${body}${body}`, 'nothing must follow the end of the value'],
    [body.replace('anna', 'anna\n'), 'a control character'],
    ['{"a":'.repeat(100_000), 'nested more than 16 deep'],
  ])('that is no JSON is refused with 400 and its place: %.20s', async (sent, says) => {
    const answer = await server.post(sent)
    expect(answer).toMatchObject({ status: 400, code: 'json.malformed' })
    expect(answer.detail).toContain(says)
    expect(answer.detail).toMatch(/\(byte \d+, line 1/)
  })

  it('is refused in less than 2 kB, whatever it holds', async () => {
    for (const unit of ['x', '\u0001', '"', '\ud800', '日', '😀', '~', '/', '\\']) {
      const name = unit.repeat(500)
      const members = Array.from({ length: 100 }, () => ({ [name]: 1, makeAdmin: 1 }))
      for (const sent of [bodyOf(members), bodyOf(members, { [name]: 1 }), `{${JSON.stringify(name)}:x}`]) {
        const answer = await server.post(sent)
        expect(answer.status).toBe(400)
        expect(Buffer.byteLength(answer.text)).toBeLessThan(2_000)
      }
    }
  })

  it('over the limit is refused with 413, announced or not, packed or not', async () => {
    const long = withMembers(`{"givenName":"${'x'.repeat(MiB)}"}`)
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from(long))
        controller.close()
      },
    })
    for (const [sent, headers] of [
      [long, json],
      [stream, json],
      [gzipSync(long), gzip],
      [gzipSync(`${body}${' '.repeat(MiB)}`), gzip],
    ] as const)
      expect(await server.post(sent, headers)).toMatchObject({ status: 413, code: 'upload.too_large' })
  })

  it('with more than 100,000 members is refused with 413', async () => {
    const answer = await server.post(withMembers('{},'.repeat(100_001)))
    expect(answer).toMatchObject({ status: 413, code: 'upload.too_many_members' })
    expect(answer.errors).toHaveLength(1)
  })

  it('that is interrupted leaves nothing behind', async () => {
    const client = await server.connect()
    await client.write(
      `POST ${server.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`,
    )
    await client.write(`Content-Length: 500000\r\n\r\n${body.slice(0, -1)}`)
    const ended = server.endings.length
    client.destroy()
    await until(() => server.endings.length > ended)
    expect(server.endings.at(-1)).toMatchObject({ code: 'request.interrupted' })
  })

  it('that never comes is given up', async () => {
    const impatient = await startMembersServer({ pace: { bytesPerSecond: 5, patience: 200 } })
    try {
      const client = await impatient.connect()
      await client.write(
        `POST ${server.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{`,
      )
      await client.until((said) => said.includes('request.too_slow'))
      expect(client.status).toBe(408)
      client.destroy()
    } finally {
      await impatient.close()
    }
  })
})

describe('a client in the middle of sending 32 MiB', () => {
  let server: MembersServer

  beforeAll(async () => {
    server = await startMembersServer({ maxBytes: 40 * MiB })
  })
  afterAll(() => server.close())

  it.each<[number, string, Record<string, string>, string]>([
    [415, 'media_type.unsupported', { 'Content-Type': 'text/plain' }, ''],
    [415, 'encoding.unsupported', { 'Content-Encoding': 'br' }, ''],
    [400, 'json.malformed', {}, '[oops'],
    [400, 'encoding.broken', { 'Content-Encoding': 'gzip' }, ''],
    [413, 'upload.too_many_members', {}, withMembers('{},'.repeat(100_001))],
  ])('sees the %i %s', async (status, code, headers, beginning) => {
    const sending = request(server.url, { method: 'POST', headers: { ...json, ...headers } })
    const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
      sending.on('error', reject)
      sending.on('response', (response) => {
        text(response).then((said) => {
          resolve({ status: response.statusCode ?? 0, body: said })
        }, reject)
      })
    })
    const piece = Buffer.alloc(MiB, ' ')
    if (beginning !== '') sending.write(beginning)
    for (let sent = 0; sent < 32; sent += 1) await new Promise((resolve) => sending.write(piece, resolve))
    sending.end()
    const said = await answer
    expect(said.status).toBe(status)
    expect(JSON.parse(said.body)).toMatchObject({ status, code })
  })
})

describe('a large body', () => {
  it('that is packed into very little costs no memory', async () => {
    const server = await startMembersServer({ maxBytes: 2 ** 30 })
    try {
      const before = process.memoryUsage().rss
      const sentences = gzipSync(withMembers(`{"givenName":"${'x'.repeat(2 ** 27)}"}${' '.repeat(2 ** 27)}`))
      const after = process.memoryUsage().rss
      const answer = await server.post(sentences, gzip)
      expect(answer).toMatchObject({ status: 202, members: 1 })
      expect(process.memoryUsage().rss - Math.max(before, after)).toBeLessThan(64 * MiB)
    } finally {
      await server.close()
    }
  })
})
