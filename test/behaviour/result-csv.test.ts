import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, recordsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  ended,
  exchange,
  idOf,
  idOfBegun,
  newestId,
  receiptOf,
  resultOf,
  untilReceipt,
  upload,
} from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

const ndjson = { Accept: 'application/x-ndjson' }

const bytesOf = (...parts: readonly (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))

/** Uploads of every kind: what the answer to each must have in common is that it can be had again. */
const uploads: Readonly<Record<string, string | Buffer>> = {
  plain: `${numberedHeader}a,a@example.com,Ann\nb,nobody,Bob\n,,\na,a2@example.com,Again\n`,
  'with a byte-order mark': `\uFEFF${numberedHeader}a,a@example.com,Änn\n`,
  'with semicolons': 'slug;email;givenName\na;a@example.com;"A; B"\nb;b@example;x,y\n',
  'with tabs': 'slug\temail\tgivenName\na\ta@example.com\t"A\tB"\n',
  'with CRLF': 'slug,email,givenName\r\na,a@example.com,Ann\r\nb,nobody,Bob\r\n',
  'with CR': 'slug,email,givenName\ra,a@example.com,Ann\rb,nobody,Bob\r',
  'with mixed line ends': 'slug,email,givenName\r\na,a@example.com,Ann\nb,nobody,Bob\rc,c@example.com,C',
  'with line breaks in cells':
    'slug,email,addressLine1\r\na,a@example.com,"1 Main St\r\nFloor 2\nRoom 3\rEnd"\r\nb,b,"x\r\n\r\n"\r\n',
  'with quotes': 'slug,email,givenName\na,a@example.com,"""A"" ""b"\n"b",b@example.com,""\n"c",c,"""\n"""\n',
  'with NUL and other controls': `${numberedHeader}a,a@example.com,A\u0000n\nb,b@example.com,\u001F\u0007\u007F\nc,c@example.com,fine\n`,
  'with bytes that are not UTF-8': bytesOf(
    `${numberedHeader}a,a@example.com,Andr`,
    [0xe9],
    '\nb,b@example.com,"',
    [0xff],
    '"\nc,c@example.com,ok\n',
  ),
  'with characters beyond the first plane': `${numberedHeader}a,a@example.com,😀👩‍👩‍👧\nb,nobody😀,"😀,😀"\nc,c@example.com,𝒜\n`,
  'with ids': 'id,slug,email\n,a,a@example.com\nnobody-has-this-id-012345678901234567,b,b@example.com\n',
  'with decided cells':
    'disposition,errors,id,slug,email,providerType,active,status,roles\ninvalid,what,,a,a@example.com,,,,\n,,,b,b@example.com,Google,,active,\n',
  'with a blank header name': 'slug,,email\na,,a@example.com\nb,surprise,b@example.com\n',
  'with short and long records':
    'slug,email,givenName\na,a@example.com\nb,b@example.com,B,,\nc,c@example.com,C,surplus\n\n',
  'with a quote that is never closed':
    'slug,email,givenName\na,a@example.com,"A\nb,b@example.com,B\nc,c@example.com,C\n',
  'with text after a quote': 'slug,email,givenName\na,a@example.com,"A" B\nb,b@example.com,B\n',
  'with spaces around cells': 'slug , email,givenName\n a , a@example.com ,\u00a0A\u200b\n   ,,\n',
  'without a line end': 'email\na@example.com',
  'with empty lines': 'email\n\na@example.com\n\n\n',
}

const queries = [
  '',
  'only=invalid',
  'return=id',
  'dispositions=detailed',
  'only=invalid&return=id&dispositions=detailed',
  'dryRun=true',
  'strict=true',
  'dryRun=true&return=id&dispositions=detailed',
]

describe('result.csv', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  for (const [name, body] of Object.entries(uploads)) {
    it.each(queries)(`is the answer byte for byte, of an upload ${name}, asked for by ?%s`, async (query) => {
      for (const headers of [{}, ndjson]) {
        await service.knex('users').delete()
        const answer = await upload(service, body, { query, headers })
        expect([200, 422]).toContain(answer.status)
        expect(answer.complete).toBe(true)
        const result = await resultOf(service, idOf(answer), { headers })
        expect(result.text).toBe(answer.text)
        expect(result.bytes.equals(answer.bytes)).toBe(true)
        expect(result).toMatchObject({ status: 200, complete: true })
        for (const field of [
          'content-type',
          'content-disposition',
          'import-charset',
          'import-delimiter',
          'cache-control',
        ]) {
          expect([field, result.headers[field]]).toEqual([field, answer.headers[field]])
        }
        expect(result.headers['import-state']).toBe('finished')
        expect(result.trailers).toEqual(answer.trailers)
      }
    })

    it(`has in NDJSON the rows that it has in CSV, of an upload ${name}`, async () => {
      const answer = await upload(service, body, { query: 'return=id' })
      const delimiter = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' }[
        String(answer.headers['import-delimiter'])
      ]
      const [head = [], ...records] = recordsOf(answer.text, delimiter)
      const lines = (await resultOf(service, idOf(answer), { headers: ndjson })).text.split('\n').slice(0, -1)
      const rows = lines.map((line) => JSON.parse(line) as NdjsonRow)
      expect(rows.map(({ row }) => row)).toEqual(records.map((_, index) => index + 2))
      const shown = head[2] === 'id' && !/^(?:[^\n]*[,;\t])?id[,;\t\r\n]/.test(body.toString()) ? 3 : 2
      rows.forEach(({ disposition, faults, id, cells }, index) => {
        const record = records[index]!
        expect(disposition).toBe(record[0])
        expect(record[1]).toBe(errorsOf(faults))
        const named = head.flatMap((name, at) =>
          at >= shown && name.trim() !== '' ? [[name, record[at]]] : [],
        )
        expect(cells).toEqual(Object.fromEntries(named))
        if (disposition === 'imported') expect(id).toBe(record[head.indexOf('id')]?.trim())
        else expect(id).toBeNull()
      })
    })
  }

  it('of an answer with ?only=invalid has just those rows, as ?only=invalid has of any other', async () => {
    const body = uploads['plain']!
    const all = await upload(service, body)
    await service.knex('users').delete()
    const invalid = await upload(service, body, { query: 'only=invalid' })
    expect((await resultOf(service, idOf(all), { query: 'only=invalid' })).text).toBe(invalid.text)
    expect((await resultOf(service, idOf(invalid))).text).toBe(invalid.text)
    expect(recordsOf(invalid.text).map(([disposition]) => disposition)).toEqual([
      'disposition',
      'invalid',
      'invalid',
    ])
    const lines = (await resultOf(service, idOf(all), { query: 'only=invalid', headers: ndjson })).text
    expect(lines.trimEnd().split('\n')).toHaveLength(2)
  })

  it('is a 406 where Accept leaves none of the offered types', async () => {
    const answer = await upload(service, uploads['plain']!)
    expect((await resultOf(service, idOf(answer), { headers: { Accept: 'application/pdf' } })).status).toBe(
      406,
    )
  })

  it('is the same of an upload of many batches', async () => {
    const rows = numbered(0, 20_000).split('\n')
    for (let at = 0; at < rows.length; at += 37) rows[at] = `u-${at},"no ""address""",${at}`
    const body = numberedHeader + rows.join('\n')
    for (const headers of [{}, ndjson]) {
      const answer = await upload(service, body, { headers })
      expect(answer.complete).toBe(true)
      const result = await resultOf(service, idOf(answer), { headers })
      expect(result.bytes.equals(answer.bytes)).toBe(true)
      expect(result.trailers).toEqual(answer.trailers)
    }
  })

  it('goes on as it grows while the import runs, for several who follow it', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    let seen = ''
    const followers = [
      resultOf(service, id, { onData: (soFar) => (seen = soFar) }),
      resultOf(service, id),
      resultOf(service, id, { headers: ndjson }),
      resultOf(service, id, { query: 'only=invalid' }),
    ]
    for (let row = 3; row < 9; row += 1) {
      await client.chunk(row === 5 ? 'x,x,x\n' : numbered(row, row + 1))
      const wanted = row === 5 ? 'x,x,x' : `u-${row}@`
      await until(() => seen.includes(wanted))
    }
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    const [whole, again, lines, invalid] = await Promise.all(followers)
    for (const each of [whole, again, lines, invalid]) {
      expect(each).toMatchObject({ status: 200, complete: true })
      expect(each!.headers['import-state']).toBe('running')
    }
    expect(whole!.text).toBe(client.body.text)
    expect(again!.text).toBe(client.body.text)
    expect(lines!.text.trimEnd().split('\n')).toHaveLength(9)
    expect(recordsOf(invalid!.text)).toHaveLength(2)
    expect(whole!.trailers['import-summary']).toBe('rows=9, imported=8, invalid=1, skipped=0')
    client.destroy()
  })

  it('followed while it aborts, is broken off', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    const follower = resultOf(service, id)
    const old = await RawClient.connect(service)
    await old.write(
      `GET ${importPath}/${id}/result.csv HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
    )
    await old.until((text) => text.includes('imported'))
    client.socket.resetAndDestroy()
    const { status, complete, text } = await follower
    expect({ status, complete }).toEqual({ status: 200, complete: false })
    expect(recordsOf(text)).toHaveLength(4)
    expect(await old.ending()).toBe('reset')
    await untilReceipt(service, id, ({ state }) => state === 'aborted')
    expect(await resultOf(service, id)).toMatchObject({ status: 200, complete: true, text })
  })

  it('of a strict import or a dry run that still receives its upload is followed to its end', async () => {
    for (const query of ['strict=true', 'dryRun=true']) {
      await service.knex('users').delete()
      const client = await RawClient.connect(service)
      const id = await idOfBegun(service, async () => {
        await client.write(headOf({ token: await service.token(), query }))
        await client.chunk(numberedHeader + numbered(0, 3))
      })
      expect(await receiptOf(service, id)).toMatchObject({ state: 'running', counts: { rows: 0 } })
      const follower = resultOf(service, id)
      await setTimeout(300)
      expect(client.text).toBe('')
      await client.chunk('')
      await client.until((text) => text.includes('\r\n0\r\n'))
      expect(await follower).toMatchObject({ complete: true, text: client.body.text })
      client.destroy()
    }
  })

  it('under HTTP/1.0 ends without trailers', async () => {
    const answer = await upload(service, uploads['plain']!)
    const client = await RawClient.connect(service)
    await client.write(
      `GET ${importPath}/${idOf(answer)}/result.csv HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
    )
    expect(await client.ending()).toBe('ended')
    expect(client.body.text).toBe(answer.text)
    expect(client.text).not.toMatch(/^trailer:/im)
  })

  it('is read by a slow reader as it is, even after its import has long ended', async () => {
    const body = numberedHeader + numbered(0, 30_000, 'A name of some length, so that it does not fit')
    const answer = await upload(service, body)
    const client = await RawClient.connect(service)
    client.socket.pause()
    await client.write(
      `GET ${importPath}/${idOf(answer)}/result.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
    )
    await setTimeout(1_000)
    client.socket.resume()
    await client.untilWhole()
    expect(client.body.text === answer.text).toBe(true)
    client.destroy()
  })
})

describe('the trailers of an answer', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it('are announced, and are its summary and its digest', async () => {
    const { createHash } = await import('node:crypto')
    const answer = await upload(service, uploads['plain']!)
    expect(answer.headers.trailer).toBe('Import-Summary, Repr-Digest')
    expect(answer.trailers['import-summary']).toBe('rows=4, imported=1, invalid=2, skipped=1')
    const digest = createHash('sha256').update(answer.bytes).digest('base64')
    expect(answer.trailers['repr-digest']).toBe(`sha-256=:${digest}:`)
    expect((await receiptOf(service, idOf(answer))).resultDigest).toBe(`sha-256=:${digest}:`)
  })

  it.each([
    ['only=invalid', /^rows=4, imported=1, invalid=2, skipped=1$/],
    ['dryRun=true', /^rows=4, valid=1, invalid=2, skipped=1$/],
    ['strict=true', /^rows=4, valid=1, invalid=2, skipped=1$/],
  ])('with ?%s are those of the whole import, the digest that of what was sent', async (query, summary) => {
    const { createHash } = await import('node:crypto')
    for (const headers of [{}, ndjson]) {
      const answer = await upload(service, uploads['plain']!, { query, headers })
      expect(answer.trailers['import-summary']).toMatch(summary)
      const digest = createHash('sha256').update(answer.bytes).digest('base64')
      expect(answer.trailers['repr-digest']).toBe(`sha-256=:${digest}:`)
    }
  })

  it('are not there under HTTP/1.0', async () => {
    const body = uploads['plain'] as string
    const client = await RawClient.connect(service)
    await client.write(
      headOf({ token: await service.token(), version: '1.0', length: Buffer.byteLength(body) }) + body,
    )
    expect(await client.ending()).toBe('ended')
    expect(client.status).toBe(200)
    expect(client.text).not.toMatch(/trailer|import-summary|repr-digest/i)
    expect(recordsOf(client.body.text)).toHaveLength(5)
  })

  it('are missing from an answer that was broken off', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 3))
    await client.until((text) => text.includes('imported'))
    const id = await newestId(service)
    const { status } = await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })
    expect(status).toBe(202)
    expect(await client.ending()).toBe('reset')
    expect(client.text).not.toMatch(/^import-summary/im)
    await untilReceipt(service, id, ended)
  })
})

interface NdjsonRow {
  readonly row: number
  readonly disposition: string
  readonly id: string | null
  readonly faults: readonly { readonly message: string }[]
  readonly cells: Readonly<Record<string, string>>
}

function errorsOf(faults: NdjsonRow['faults']): string {
  const messages = faults.map(({ message }) => message).join('; ')
  return messages === '' || messages.startsWith('Permission error')
    ? messages
    : `Validation error: ${messages}`
}
