import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  ended,
  idOf,
  idOfBegun,
  jsonOf,
  receiptOf,
  resultOf,
  untilReceipt,
  upload,
} from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? it.skip : it

describe('a strict import', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
    await service.knex.raw(`alter table users add constraint odd check (given_name <> 'Odd')`)
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  const slugs = (): Promise<string[]> => service.knex('users').pluck<string[]>('slug')
  const strict = { query: 'strict=true' }

  it.each([
    ['Prefer: handling=strict', '', { Prefer: 'handling=strict' }],
    ['?strict=true', 'strict=true', {}],
    ['Prefer with quotes and company', '', { Prefer: 'return=minimal, Handling="strict"; x=y, wait=5' }],
  ])(
    'asked for by %s imports all where no row is invalid, and says that it was applied',
    async (_, query, headers) => {
      const answer = await upload(service, numberedHeader + numbered(0, 200), { query, headers })
      expect([answer.status, answer.headers['preference-applied']]).toEqual([200, 'handling=strict'])
      expect(rowsOf(answer.text).every(({ disposition }) => disposition === 'imported')).toBe(true)
      expect(await slugs()).toHaveLength(200)
      expect(await receiptOf(service, idOf(answer))).toMatchObject({
        strict: true,
        refused: false,
        state: 'finished',
      })
      await service.knex('users').delete()
      const refused = await upload(service, `${numberedHeader}a,a@example.com,A\nx,x,x\n`, { query, headers })
      expect([refused.status, refused.headers['preference-applied']]).toEqual([422, 'handling=strict'])
    },
  )

  it('is not what a plain import is', async () => {
    for (const options of [{}, { query: 'strict=false' }, { headers: { Prefer: 'handling=lenient' } }]) {
      const answer = await upload(service, `${numberedHeader}a,a@example.com,A\nx,x,x\n`, options)
      expect([answer.status, answer.headers['preference-applied']]).toEqual([200, undefined])
    }
  })

  it.each(['handling=foo', 'handling', 'handling=', 'return=minimal, handling=Strictly'])(
    'asked for by Prefer: %s is a 400',
    async (prefer) => {
      const answer = await upload(service, numberedHeader, { headers: { Prefer: prefer } })
      expect([answer.status, jsonOf(answer)['code']]).toEqual([400, 'request.preference'])
    },
  )

  it('writes nothing where any row is invalid, and answers 422 with the annotated CSV', async () => {
    await upload(service, `${numberedHeader}u-0,u-0@example.com,Before\n`)
    const rows = numbered(0, 700).trimEnd().split('\n')
    rows[650] = 'u-650,nobody,x'
    const answer = await upload(service, `${numberedHeader}${rows.join('\n')}\n,,\n`, strict)
    expect(answer.status).toBe(422)
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8; header=present')
    const answered = rowsOf(answer.text)
    expect(answered).toHaveLength(701)
    expect(answered.filter(({ disposition }) => disposition === 'valid')).toHaveLength(699)
    expect(answered[650]).toMatchObject({ disposition: 'invalid', errors: expect.stringMatching(/email/) })
    expect(answered[700]).toMatchObject({ disposition: 'skipped' })
    expect(await service.knex('users').pluck('given_name')).toEqual(['Before'])
    const receipt = await receiptOf(service, idOf(answer))
    expect(receipt).toMatchObject({ state: 'finished', strict: true, refused: true })
    expect(receipt.counts).toMatchObject({ rows: 701, valid: 699, invalid: 1, skipped: 1 })
    expect(await resultOf(service, idOf(answer))).toMatchObject({ status: 200, text: answer.text })
  })

  it('gives no ids of rows that it did not import', async () => {
    const answer = await upload(service, `${numberedHeader}a,a@example.com,A\nx,x,x\n`, {
      query: 'strict=true&return=id',
    })
    expect(rowsOf(answer.text).map(({ disposition, id }) => [disposition, id])).toEqual([
      ['valid', ''],
      ['invalid', ''],
    ])
  })

  it('gives the ids of rows that it imported', async () => {
    const answer = await upload(service, numberedHeader + numbered(0, 100), {
      query: 'strict=true&return=id',
    })
    const ids = rowsOf(answer.text).map(({ id }) => id)
    expect(new Set(ids)).toEqual(new Set(await service.knex('users').pluck('id')))
  })

  it('is refused by a repeat at any distance', async () => {
    for (const distance of [1, 60, 900]) {
      const body = `${numberedHeader + numbered(0, distance)}u-0,u-0@example.com,Again\n`
      const answer = await upload(service, body, strict)
      expect(answer.status).toBe(422)
      expect(rowsOf(answer.text).at(-1)!['errors']).toContain('row 2')
      expect(await slugs()).toEqual([])
    }
  })

  it.each([0, 50, 649])('is refused by a row that only the database refuses, at place %i', async (at) => {
    const rows = numbered(0, 700).trimEnd().split('\n')
    rows[at] = `u-${at},u-${at}@example.com,Odd`
    const answer = await upload(service, `${numberedHeader}${rows.join('\n')}\n`, strict)
    expect(answer.status).toBe(422)
    const invalid = rowsOf(answer.text).flatMap(({ disposition }, index) =>
      disposition === 'invalid' ? [index] : [],
    )
    expect(invalid).toEqual([at])
    expect(await slugs()).toEqual([])
  })

  it('that was refused is imported once it is mended, from its own answer', async () => {
    const refused = await upload(service, `${numberedHeader}a,a@example.com,A\nx,x,x\n`, strict)
    const mended = refused.text.replace('x,x,x', 'x,x@example.com,x')
    const answer = await upload(service, mended, strict)
    expect(answer.status).toBe(200)
    expect((await slugs()).sort()).toEqual(['a', 'x'])
  })

  it.each([10, 5_000, 50_000])('that is cut after %i bytes of its upload writes nothing', async (bytes) => {
    const body = numberedHeader + numbered(0, 3_000)
    const client = await RawClient.connect(service)
    const send = async (): Promise<void> => {
      await client.write(headOf({ token: await service.token(), length: body.length, ...strict }))
      await client.write(body.slice(0, bytes))
    }
    // Before its header is there it is no import.
    const id = bytes < 100 ? undefined : await idOfBegun(service, send)
    if (id === undefined) await send()
    await setTimeout(300)
    expect(client.text).toBe('')
    client.socket.resetAndDestroy()
    if (id === undefined) {
      await setTimeout(500)
      expect(await slugs()).toEqual([])
      return
    }
    expect(await untilReceipt(service, id, ended)).toMatchObject({
      state: 'aborted',
      reason: { code: 'request.interrupted' },
      counts: { rows: 0 },
    })
    expect(await slugs()).toEqual([])
  })

  it.each(['strict=true', 'dryRun=true'])(
    'goes on without its client once the upload is there, as ?%s',
    async (query) => {
      const body = numberedHeader + numbered(0, 3_000)
      const client = await RawClient.connect(service)
      const id = await idOfBegun(service, async () =>
        client.write(headOf({ token: await service.token(), length: body.length, query }) + body),
      )
      await untilReceipt(service, id, ({ upload }) => upload !== null)
      client.socket.resetAndDestroy()
      const receipt = await untilReceipt(service, id, ended)
      expect(receipt).toMatchObject({ state: 'finished', counts: { rows: 3_000, created: 3_000 } })
      expect(await slugs()).toHaveLength(query === 'strict=true' ? 3_000 : 0)
      expect(rowsOf((await resultOf(service, receipt.id)).text)).toHaveLength(3_000)
    },
  )

  it('meets the limits that every import meets, and writes nothing', async () => {
    const small = await startService({ settings: { MAX_ROWS: '100' } })
    try {
      const answer = await upload(small, numberedHeader + numbered(0, 101), strict)
      expect(answer.status).toBe(413)
      expect(await small.knex('users').pluck('slug')).toEqual([])
    } finally {
      await small.close()
    }
  })

  it('in opposite order of another at the same time: both finish, and each user is as one of them left it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const rows = (name: string): string[] =>
        Array.from({ length: 300 }, (_, index) => `u-${index},u-${index}@example.com,${name}`)
      const answers = await Promise.all([
        upload(service, `${numberedHeader}${rows('A').join('\n')}\n`, strict),
        upload(service, `${numberedHeader}${rows('B').reverse().join('\n')}\n`, strict),
        upload(service, `${numberedHeader}${rows('C').join('\n')}\n`),
      ])
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
      const names = await service.knex('users').distinct().pluck<string[]>('given_name')
      expect(await slugs()).toHaveLength(300)
      expect(names.every((name) => ['A', 'B', 'C'].includes(name))).toBe(true)
      expect(names.length).toBeLessThanOrEqual(2)
    }
  })

  onServer('of 100,000 rows is all or nothing', async () => {
    const rows = numbered(0, 100_000).trimEnd().split('\n')
    const answer = await upload(service, `${numberedHeader}${rows.join('\n')}\n`, strict)
    expect([answer.status, answer.complete]).toEqual([200, true])
    const [{ count }] = (await service.knex('users').count('* as count')) as [{ count: string }]
    expect(Number(count)).toBe(100_000)
    expect(await receiptOf(service, idOf(answer))).toMatchObject({
      counts: { rows: 100_000, created: 100_000 },
    })
    rows[99_999] = 'x,x,x'
    const other = rows.map((row) => row.replace('Given', 'Other'))
    const refused = await upload(service, `${numberedHeader}${other.join('\n')}\n`, strict)
    expect([refused.status, refused.complete]).toEqual([422, true])
    const [{ changed }] = (await service
      .knex('users')
      .where('given_name', 'like', 'Other%')
      .count('* as changed')) as [{ changed: string }]
    expect(Number(changed)).toBe(0)
    expect((await resultOf(service, idOf(refused))).bytes.equals(refused.bytes)).toBe(true)
  })
})
