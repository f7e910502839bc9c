import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, recordsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  ended,
  exchange,
  idOf,
  idOfBegun,
  jsonOf,
  newest,
  newestId,
  receiptOf,
  resultOf,
  untilReceipt,
  upload,
} from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

const mixed = `${numberedHeader}u-0,u-0@example.com,Zero\n,not-an-address,\n,,\nu-1,u-1@example.com,One\n`

describe('the receipt of an import', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it('is where Location says, by the id that Import-Id says', async () => {
    const answer = await upload(service, mixed)
    expect(answer.headers.location).toBe(`${importPath}/${idOf(answer)}`)
    const receipt = await exchange(service, { path: answer.headers.location! })
    expect(receipt.status).toBe(200)
    expect(receipt.headers['content-type']).toMatch(/^application\/json/)
    expect(jsonOf(receipt)).toMatchObject({ id: idOf(answer), state: 'finished' })
  })

  it('is where Location says even where the upload went to the path with a slash at its end', async () => {
    const answer = await exchange(service, { method: 'POST', path: `${importPath}/`, body: mixed })
    expect(answer.status).toBe(200)
    expect(answer.headers.location).toBe(`${importPath}/${idOf(answer)}`)
  })

  it('counts the rows per disposition', async () => {
    await upload(service, `${numberedHeader}u-1,u-1@example.com,One\nu-2,u-2@example.com,Two\n`)
    const answer = await upload(
      service,
      `${mixed}u-2,u-2@example.com,Zwei\nu-3,u-3@example.com,Three\nu-3,u-3@example.com,Repeated\n`,
    )
    expect((await receiptOf(service, idOf(answer))).counts).toEqual({
      rows: 7,
      imported: 4,
      created: 2,
      updated: 1,
      unchanged: 1,
      invalid: 2,
      skipped: 1,
    })
  })

  it('says who, when, how many bytes, the SHA-256 of the upload and the digest of the answer', async () => {
    const claims = { subject: 'somebody', email: 'some@example.com' }
    const answer = await upload(service, mixed, { claims })
    const receipt = await receiptOf(service, idOf(answer))
    expect(receipt).toMatchObject({ caller: 'somebody', callerEmail: 'some@example.com', dryRun: false })
    expect(receipt.upload).toEqual({
      bytes: Buffer.byteLength(mixed),
      sha256: createHash('sha256').update(mixed).digest('hex'),
    })
    expect(receipt.resultDigest).toBe(`sha-256=:${sha256(answer.bytes)}:`)
    expect(Math.abs(Date.now() - Date.parse(receipt.createdAt))).toBeLessThan(3_600_000)
    expect(Date.parse(receipt.endedAt!)).toBeGreaterThanOrEqual(Date.parse(receipt.createdAt))
  })

  it('is there from the moment at which the upload is accepted, and says running while it is', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(`${numberedHeader}u-0,u-0@example.com,Zero\n`)
    await client.until((text) => text.includes('imported'))
    const [receipt] = await newest(service)
    expect(receipt).toMatchObject({ state: 'running', endedAt: null, upload: null, counts: { rows: 1 } })
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    expect(await receiptOf(service, receipt!.id)).toMatchObject({ state: 'finished' })
    client.destroy()
  })

  it('is there before the first row is', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), more: 'Idempotency-Key: early\r\n' }))
    await client.chunk(numberedHeader)
    await until(async () => (await newest(service, '?idempotencyKey=early')).length > 0)
    const [receipt] = await newest(service, '?idempotencyKey=early')
    expect(receipt).toMatchObject({ state: 'running', counts: { rows: 0 } })
    client.destroy()
    await untilReceipt(service, receipt!.id, ended)
  })

  it('of a client that vanished in the middle says aborted and why, and the rows before stay', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: 1_000_000 }))
    await client.write(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    client.socket.resetAndDestroy()
    const id = await newestId(service)
    const receipt = await untilReceipt(service, id, ended)
    expect(receipt).toMatchObject({ state: 'aborted', resultDigest: null })
    expect(receipt.reason?.code).toBe('request.interrupted')
    expect(receipt.reason?.detail).toMatch(/upload/)
    expect(receipt.endedAt).not.toBeNull()
    const stored = await service.knex('users').pluck('slug')
    expect(receipt.counts['imported']).toBe(stored.length)
    const result = await resultOf(service, id)
    expect(recordsOf(result.text)).toHaveLength(stored.length + 1)
  })

  it('of an aborted import has a result that ends cleanly, with Import-State: aborted', async () => {
    const id = await newestId(service)
    const { status, complete, headers } = await resultOf(service, id)
    expect({ status, complete }).toEqual({ status: 200, complete: true })
    expect(headers['import-state']).toBe('aborted')
  })

  it('of a client that vanished once its upload was received whole says finished: the import goes on', async () => {
    const body = numberedHeader + numbered(0, 5_000)
    const client = await RawClient.connect(service)
    const head = headOf({ token: await service.token(), length: body.length, query: 'strict=true' })
    const id = await idOfBegun(service, () => client.write(head + body))
    await untilReceipt(service, id, ({ upload }) => upload !== null)
    client.socket.resetAndDestroy()
    const receipt = await untilReceipt(service, id, ended)
    expect(receipt).toMatchObject({ state: 'finished', counts: { rows: 5_000, imported: 5_000 } })
    expect(await service.knex('users').pluck('slug')).toHaveLength(5_000)
    expect(recordsOf((await resultOf(service, id)).text)).toHaveLength(5_001)
  })

  it('of a client that never reads says finished', async () => {
    const body =
      numberedHeader + numbered(0, 80_000, 'A given name that is long enough to fill what is on its way')
    const client = await RawClient.connect(service)
    client.socket.pause()
    const id = await idOfBegun(service, async () => {
      await client.write(headOf({ token: await service.token(), length: body.length }))
      await client.write(body)
    })
    const receipt = await untilReceipt(service, id, ended, 120_000)
    expect(receipt).toMatchObject({ state: 'finished', counts: { rows: 80_000, imported: 80_000 } })
    client.socket.resume()
    await client.until((text) => text.endsWith('\r\n\r\n') && text.includes('\r\n0\r\n'))
    expect(client.body.complete).toBe(true)
    expect((await resultOf(service, id)).text === client.body.text).toBe(true)
    client.destroy()
  })

  it('of a header without rows is finished with no rows', async () => {
    const answer = await upload(service, numberedHeader)
    expect([answer.status, answer.text]).toEqual([200, `disposition,errors,${numberedHeader}`])
    expect(await receiptOf(service, idOf(answer))).toMatchObject({ state: 'finished', counts: { rows: 0 } })
    expect((await resultOf(service, idOf(answer))).text).toBe(answer.text)
    expect(answer.trailers['import-summary']).toBe('rows=0, imported=0, invalid=0, skipped=0')
  })

  it('of a header without rows has an empty NDJSON', async () => {
    const answer = await upload(service, numberedHeader, { headers: { Accept: 'application/x-ndjson' } })
    expect([answer.status, answer.text, answer.complete]).toEqual([200, '', true])
    const result = await resultOf(service, idOf(answer), { headers: { Accept: 'application/x-ndjson' } })
    expect([result.status, result.text, result.complete]).toEqual([200, '', true])
  })

  it('of an upload whose rows are all invalid is finished', async () => {
    const answer = await upload(service, `${numberedHeader}a,b,c\nd,e,f\n`)
    expect(await receiptOf(service, idOf(answer))).toMatchObject({
      state: 'finished',
      counts: { rows: 2, imported: 0, invalid: 2 },
    })
    expect(await service.knex('users').pluck('slug')).toEqual([])
  })

  it('does not exist where the upload was refused before its first row', async () => {
    const before = (await newest(service)).length
    expect((await upload(service, 'what,is,this\n1,2,3\n')).status).toBe(400)
    expect((await upload(service, mixed, { query: 'what=ever' })).status).toBe(400)
    expect(await newest(service)).toHaveLength(before)
  })

  it('says why an import was aborted that met a limit after its first row', async () => {
    const small = await startService({ settings: { MAX_ROWS: '300' } })
    try {
      const client = await RawClient.connect(small)
      await client.write(headOf({ token: await small.token() }))
      await client.chunk(numberedHeader + numbered(0, 100))
      await client.until((text) => text.includes('imported'))
      await client.chunk(numbered(100, 400)).catch(() => undefined)
      expect(await client.ending()).toBe('reset')
      const [receipt] = await newest(small)
      expect(receipt).toMatchObject({ state: 'aborted', reason: { code: 'upload.too_many_rows' } })
    } finally {
      await small.close()
    }
  })

  it('with a row that is enormous keeps it as it was answered', async () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => `b-${index},b-${index}@example.com,B`)
    rows[500] = `b-500,b-500@example.com,"${'x "" \r\n'.repeat(100_000)}"`
    const answer = await upload(service, `${numberedHeader}${rows.join('\n')}\n`)
    expect(answer.complete).toBe(true)
    const receipt = await receiptOf(service, idOf(answer))
    expect(receipt.counts).toMatchObject({ rows: 1_000, imported: 999, invalid: 1 })
    expect((await resultOf(service, idOf(answer))).bytes.equals(answer.bytes)).toBe(true)
    const lines = (await resultOf(service, idOf(answer), { headers: { Accept: 'application/x-ndjson' } }))
      .text
    expect(lines.trimEnd().split('\n')).toHaveLength(1_000)
  })
})

describe('who may see a receipt', () => {
  let service: Service
  let mine: string
  let owners: string

  beforeAll(async () => {
    service = await startService()
    const member = { role: 'organization_member', subject: 'mia' }
    mine = idOf(await upload(service, `email\na@example.com\n`, { claims: member }))
    owners = idOf(await upload(service, `email\nb@example.com\n`, { claims: { subject: 'olga' } }))
  })
  afterAll(() => service.close())

  const paths = (id: string): string[] => [`${importPath}/${id}`, `${importPath}/${id}/result.csv`]

  it('an owner sees all receipts of the organization', async () => {
    for (const path of [mine, owners].flatMap(paths)) {
      expect((await exchange(service, { path, claims: { subject: 'other-owner' } })).status).toBe(200)
    }
    expect((await newest(service)).map(({ id }) => id)).toEqual([owners, mine])
  })

  it('a member sees his own', async () => {
    const claims = { role: 'organization_member', subject: 'mia' }
    for (const path of paths(mine)) expect((await exchange(service, { path, claims })).status).toBe(200)
    const list = jsonOf(await exchange(service, { claims }))
    expect((list['imports'] as { id: string }[]).map(({ id }) => id)).toEqual([mine])
  })

  const strangers = {
    'another member': { role: 'organization_member', subject: 'max' },
    'a constituent': { role: 'organization_constituent', subject: 'mia' },
    'an owner of another organization': { organization: 'other-org' },
  }

  it.each(Object.entries(strangers))('for %s it does not exist', async (_, claims) => {
    for (const id of [mine, owners]) {
      for (const [method, path] of [
        ...paths(id).flatMap((path) => [['GET', path] as const, ['HEAD', path] as const]),
        ['DELETE', `${importPath}/${id}`] as const,
      ]) {
        const answer = await exchange(service, { method, path, claims })
        expect([method, path, answer.status]).toEqual([method, path, 404])
      }
    }
    const answer = await exchange(service, { path: `${importPath}/${mine}`, claims })
    const none = await exchange(service, {
      path: `${importPath}/00000000-0000-0000-0000-000000000000`,
      claims,
    })
    expect({ ...jsonOf(answer), instance: '' }).toEqual({ ...jsonOf(none), instance: '' })
    expect((await receiptOf(service, mine)).result).not.toBeNull()
  })

  it('nobody sees one without a token', async () => {
    for (const path of [importPath, ...paths(mine)]) {
      const { status, headers } = await exchange(service, { path, token: '' })
      expect([status, headers['www-authenticate']]).toEqual([401, expect.stringMatching(/^Bearer/)])
    }
    expect(
      (await exchange(service, { path: `${importPath}/${mine}`, token: '', method: 'DELETE' })).status,
    ).toBe(401)
  })

  it('an id that is none is a 404', async () => {
    for (const id of [
      'x',
      '%00',
      'a'.repeat(500),
      '..%2f..',
      "'%20or%201=1--",
      '%F0%9F%92%A9',
      '-',
      'null',
    ]) {
      for (const path of paths(id)) {
        expect([path, (await exchange(service, { path })).status]).toEqual([path, 404])
      }
    }
    expect((await exchange(service, { path: `${importPath}/%zz` })).status).toBe(400)
  })

  it('an unknown query parameter or value is a 400 on every route of receipts', async () => {
    for (const target of [
      `${importPath}?what=1`,
      `${importPath}?limit=0`,
      `${importPath}?limit=x`,
      `${importPath}?limit=201`,
      `${importPath}?limit=1&limit=2`,
      `${importPath}?before=yesterday`,
      `${importPath}?idempotencyKey=`,
      `${importPath}?idempotencyKey=%00`,
      `${importPath}/${mine}?what=1`,
      `${importPath}/${mine}/result.csv?what=1`,
      `${importPath}/${mine}/result.csv?only=valid`,
      `${importPath}/${mine}/result.csv?dispositions=detailed`,
    ]) {
      const answer = await exchange(service, { path: target })
      expect([target, answer.status, answer.bytes.length < 2_000]).toEqual([target, 400, true])
      expect(jsonOf(answer)).toMatchObject({ status: 400, code: 'request.query' })
    }
    expect((await exchange(service, { method: 'DELETE', path: `${importPath}/${mine}?what=1` })).status).toBe(
      400,
    )
  })

  it.each(['2026-02-30T00:00:00.000000Z', '0000-01-01T00:00:00.000000Z', '9999-12-31T24:00:00.000000Z'])(
    'a cursor with the moment %s is an answer, not a mistake of ours',
    async (moment) => {
      const { status } = await exchange(service, { path: `${importPath}?before=${moment}~x` })
      expect([200, 400]).toContain(status)
    },
  )

  it('a token in the URL is a 400', async () => {
    const path = `${importPath}/${mine}?access_token=${await service.token()}`
    expect((await exchange(service, { path, token: '' })).status).toBe(400)
  })

  it('a method that is not for it is a 405 that says which are', async () => {
    const refused = [
      ['PUT', importPath, 'GET, HEAD, POST'],
      ['DELETE', importPath, 'GET, HEAD, POST'],
      ['POST', `${importPath}/${mine}`, 'GET, HEAD, DELETE'],
      ['DELETE', `${importPath}/${mine}/result.csv`, 'GET, HEAD'],
    ] as const
    for (const [method, path, allow] of refused) {
      const { status, headers } = await exchange(service, { method, path })
      expect([method, path, status, headers.allow]).toEqual([method, path, 405, allow])
    }
  })

  it('HEAD says what GET would, without a body', async () => {
    for (const path of [importPath, ...paths(mine)]) {
      const get = await exchange(service, { path })
      const head = await exchange(service, { path, method: 'HEAD' })
      expect([path, head.status, head.text]).toEqual([path, 200, ''])
      expect(head.headers['content-type']).toBe(get.headers['content-type'])
      expect(head.headers['import-state']).toBe(get.headers['import-state'])
    }
  })

  it('every answer with personal data says so to caches and browsers', async () => {
    for (const path of [importPath, ...paths(mine)]) {
      const { headers } = await exchange(service, { path })
      expect([path, headers['cache-control'], headers['x-content-type-options']]).toEqual([
        path,
        'no-store',
        'nosniff',
      ])
      expect([path, headers['content-disposition']]).toEqual([path, expect.stringMatching(/^attachment/)])
    }
  })
})

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64')
