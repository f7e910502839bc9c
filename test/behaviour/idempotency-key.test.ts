import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, recordsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  exchange,
  idOf,
  jsonOf,
  newest,
  newestId,
  receiptOf,
  untilReceipt,
  upload,
  type Exchange,
} from '../support/receipts.ts'
import { importPath, startService, type Service, type TokenFor } from '../support/service.ts'

const body = `${numberedHeader}u-0,u-0@example.com,Zero\nx,x,x\n,,\nu-1,u-1@example.com,One\n`

let keys = 0
/** A key that no other test uses. */
const freshKey = (): string => `key-${(keys += 1)}`

describe('Idempotency-Key', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  const post = (
    text: string | Uint8Array,
    key: string,
    options: { query?: string; claims?: TokenFor; headers?: Record<string, string> } = {},
  ): Promise<Exchange> =>
    upload(service, text, { ...options, headers: { 'Idempotency-Key': key, ...options.headers } })

  it.each([
    ['', {}],
    ['only=invalid', {}],
    ['return=id&dispositions=detailed', {}],
    ['', { Accept: 'application/x-ndjson' }],
    ['dryRun=true', {}],
    ['strict=true', {}],
  ])('used again replays the answer to ?%s byte for byte and writes nothing', async (query, headers) => {
    const key = freshKey()
    const first = await post(body, key, { query, headers })
    await service.knex('users').delete()
    const imports = (await newest(service, '?limit=200')).length
    const second = await post(body, key, { query, headers })
    expect(second.bytes.equals(first.bytes)).toBe(true)
    expect(second).toMatchObject({ status: first.status, complete: true, trailers: first.trailers })
    expect({ ...second.headers, date: '' }).toEqual({ ...first.headers, date: '' })
    expect(await service.knex('users').pluck('slug')).toEqual([])
    expect(await newest(service, '?limit=200')).toHaveLength(imports)
  })

  it('of a strict import that was refused replays the 422', async () => {
    const key = freshKey()
    const first = await post(body, key, { query: 'strict=true' })
    const second = await post(body, key, { query: 'strict=true' })
    expect([first.status, second.status]).toEqual([422, 422])
    expect(second.text).toBe(first.text)
    expect(second.headers['preference-applied']).toBe('handling=strict')
  })

  it('used again with another body is a 422', async () => {
    const key = freshKey()
    const first = await post(body, key)
    const other = await post(`${body}u-2,u-2@example.com,Two\n`, key)
    expect(other.status).toBe(422)
    expect(jsonOf(other)).toMatchObject({ code: 'idempotency.mismatch' })
    expect(await service.knex('users').pluck('slug')).toHaveLength(2)
    expect((await post(body, key)).text).toBe(first.text)
  })

  it('used again with the same rows in other bytes is a 422', async () => {
    const key = freshKey()
    await post(body, key)
    expect((await post(body.replaceAll('\n', '\r\n'), key)).status).toBe(422)
    expect((await post(`\uFEFF${body}`, key)).status).toBe(422)
  })

  it('used again with other options is a 422', async () => {
    const key = freshKey()
    await post(body, key, { query: 'dates=dmy&return=id' })
    for (const query of [
      '',
      'dates=dmy',
      'dates=mdy&return=id',
      'dates=dmy&return=id&strict=true',
      'dates=dmy&return=id&dryRun=true',
    ]) {
      expect([query, (await post(body, key, { query })).status]).toEqual([query, 422])
    }
    const ndjson = await post(body, key, {
      query: 'dates=dmy&return=id',
      headers: { Accept: 'application/x-ndjson' },
    })
    expect(ndjson.status).toBe(422)
    expect((await post(body, key, { query: 'return=id&dates=dmy' })).status).toBe(200)
    expect((await post(body, key, { query: 'return=id&dates=dmy', headers: { Accept: '*/*' } })).status).toBe(
      200,
    )
  })

  it('asks for strict in either way alike', async () => {
    const key = freshKey()
    const first = await post('email\na@example.com\n', key, { query: 'strict=true' })
    const second = await post('email\na@example.com\n', key, { headers: { Prefer: 'handling=strict' } })
    expect([second.status, idOf(second)]).toEqual([200, idOf(first)])
  })

  it('belongs to the caller: the same key of another is another import', async () => {
    const key = freshKey()
    const first = await post(body, key, { claims: { subject: 'one' } })
    const second = await post('email\nb@example.com\n', key, { claims: { subject: 'two' } })
    expect([first.status, second.status]).toEqual([200, 200])
    expect(idOf(second)).not.toBe(idOf(first))
    expect(await newest(service, `?idempotencyKey=${key}`)).toHaveLength(2)
  })

  it('belongs to the organization: the same key in another is another import', async () => {
    const key = freshKey()
    const first = await post(body, key)
    const second = await post(body, key, { claims: { organization: 'other-org' } })
    expect(second.status).toBe(200)
    expect(idOf(second)).not.toBe(idOf(first))
  })

  it('is the same with quotes around it and without', async () => {
    const key = freshKey()
    const first = await post(body, `"${key}"`)
    expect(idOf(await post(body, key))).toBe(idOf(first))
    expect((await receiptOf(service, idOf(first))).idempotencyKey).toBe(key)
    for (const asked of [key, `%22${key}%22`]) {
      const found = await newest(service, `?idempotencyKey=${asked}`)
      expect(found.map(({ id }) => id)).toEqual([idOf(first)])
    }
  })

  it.each(['', ' ', '""', 'x'.repeat(256), 'Schl\u00fcssel', 'a\tb', '" "'])(
    'that is %j is a 400',
    async (key) => {
      const answer = await post(body, key)
      expect(answer.status).toBe(400)
      expect(jsonOf(answer)).toMatchObject({ code: 'request.idempotency_key' })
    },
  )

  it('of 255 characters of every printable kind is taken, and found', async () => {
    const key = `${freshKey()}/?&=+%"'\\ <>;,${'x'.repeat(255)}`.slice(0, 255)
    const first = await post(body, key)
    expect(first.status).toBe(200)
    const found = await newest(service, `?idempotencyKey=${encodeURIComponent(key)}`)
    expect(found.map(({ id }) => id)).toEqual([idOf(first)])
    expect(idOf(await post(body, key))).toBe(idOf(first))
  })

  it('of a request that was refused before its first row is free for the mended one', async () => {
    const key = freshKey()
    expect((await post('what,is,this\n1,2,3\n', key)).status).toBe(400)
    expect((await post(body, key, { query: 'what=1' })).status).toBe(400)
    expect((await post(body, key)).status).toBe(200)
  })

  it('known does not excuse a header that is none', async () => {
    const key = freshKey()
    await post(body, key)
    expect((await post('what,is,this\n1,2,3\n', key)).status).toBe(400)
  })

  it.each([2, 5])('sent by %i at the same time is one import, and all get the same bytes', async (count) => {
    const key = freshKey()
    const large = numberedHeader + numbered(0, 3_000)
    const before = (await newest(service, '?limit=200')).length
    const answers = await Promise.all(
      Array.from({ length: count }, () => post(large, key, { query: 'return=id&dispositions=detailed' })),
    )
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, complete: true })
      expect(idOf(answer)).toBe(idOf(answers[0]!))
      expect(answer.bytes.equals(answers[0]!.bytes)).toBe(true)
    }
    expect(recordsOf(answers[0]!.text).filter(([disposition]) => disposition === 'created')).toHaveLength(
      3_000,
    )
    expect((await newest(service, '?limit=200')).length).toBe(before + 1)
  })

  it('while the first is running follows it, once both bodies are whole', async () => {
    const key = freshKey()
    const more = `Idempotency-Key: ${key}\r\n`
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), more }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    let answered = false
    const second = post(numberedHeader + numbered(0, 120), key).finally(() => (answered = true))
    await setTimeout(500)
    expect(answered).toBe(false)
    await client.chunk(numbered(60, 120))
    await setTimeout(500)
    expect(answered).toBe(false)
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    const { status, text, complete } = await second
    expect({ status, complete }).toEqual({ status: 200, complete: true })
    expect(text).toBe(client.body.text)
    client.destroy()
  })

  it('with another body while the first is running is a 422 once both are whole', async () => {
    const key = freshKey()
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), more: `Idempotency-Key: ${key}\r\n` }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const second = post('email\nother@example.com\n', key)
    await setTimeout(300)
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    expect((await second).status).toBe(422)
    expect(await service.knex('users').pluck('slug')).toHaveLength(3)
    client.destroy()
  })

  it('of an import that was aborted is free', async () => {
    const key = freshKey()
    const client = await RawClient.connect(service)
    await client.write(
      headOf({ token: await service.token(), length: 9_999, more: `Idempotency-Key: ${key}\r\n` }),
    )
    await client.write(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    client.socket.resetAndDestroy()
    await untilReceipt(service, id, ({ state }) => state === 'aborted')
    const again = await post(body, key)
    expect(again.status).toBe(200)
    expect(idOf(again)).not.toBe(id)
    expect(idOf(await post(body, key))).toBe(idOf(again))
    const found = await newest(service, `?idempotencyKey=${key}`)
    expect(found.map(({ state }) => state)).toEqual(['finished', 'aborted'])
  })

  it('of a first that aborts while the second waits is a 503 with Retry-After, and then free', async () => {
    const key = freshKey()
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), more: `Idempotency-Key: ${key}\r\n` }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const second = post(body, key)
    // When one that came after it is answered, it has long been seen that its key is taken.
    expect((await post(body, freshKey())).status).toBe(200)
    client.socket.resetAndDestroy()
    const answer = await second
    expect(answer.status).toBe(503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(jsonOf(answer)).toMatchObject({ code: 'import.aborted' })
    expect((await post(body, key)).status).toBe(200)
  })

  it('of a second that is cut in the middle of its body leaves the first as it is', async () => {
    const key = freshKey()
    const first = await post(body, key)
    const client = await RawClient.connect(service)
    await client.write(
      headOf({ token: await service.token(), length: 9_999, more: `Idempotency-Key: ${key}\r\n` }),
    )
    await client.write(body)
    await setTimeout(100)
    client.socket.resetAndDestroy()
    expect((await post(body, key)).text).toBe(first.text)
    expect(await newest(service, `?idempotencyKey=${key}`)).toHaveLength(1)
  })

  it('of an import whose result was deleted is a 410, and writes nothing', async () => {
    const key = freshKey()
    const first = await post(body, key)
    await exchange(service, { method: 'DELETE', path: `${importPath}/${idOf(first)}` })
    await service.knex('users').delete()
    const again = await post(body, key)
    expect(again.status).toBe(410)
    expect(await service.knex('users').pluck('slug')).toEqual([])
    expect((await post('email\na@example.com\n', key)).status).toBe(422)
  })

  it('is answered to a replay of an upload without rows', async () => {
    const key = freshKey()
    const first = await post(numberedHeader, key)
    const second = await post(numberedHeader, key)
    expect([second.status, second.text, idOf(second)]).toEqual([200, first.text, idOf(first)])
  })

  it('of a member is not seen by another, though the owner finds both', async () => {
    const key = freshKey()
    const claims = { role: 'organization_member', subject: 'mia' }
    await post('email\na@example.com\n', key, { claims })
    const other = { role: 'organization_member', subject: 'max' }
    const { text } = await exchange(service, { path: `${importPath}?idempotencyKey=${key}`, claims: other })
    expect((JSON.parse(text) as { imports: unknown[] }).imports).toEqual([])
    expect(await newest(service, `?idempotencyKey=${key}`)).toHaveLength(1)
  })
})
