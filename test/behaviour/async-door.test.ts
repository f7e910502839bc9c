import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { anna, hasEnded, holdJobs, jobOf, remove, untilJob, uploadLater } from '../support/async.ts'
import { forgetAll } from '../support/jobs.ts'
import { numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { exchange, idOf, jsonOf, newest, resultOf, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

const csv = 'email,givenName\nanna@example.com,Anna\nbob.example.com,Bob\n'

const large = numberedHeader + numbered(0, 59_000, 'A name that is long enough to make many bytes')

let service: Service

beforeAll(async () => {
  service = await startService({ settings: { MAX_UPLOAD_BYTES: '4 MiB', MAX_ROWS: '60000' } })
})
afterAll(() => service.close())
beforeEach(() => forgetAll(service.knex))

/** All that is kept of what was sent, and of letters. */
async function left() {
  const pieces = await service.knex('import_payloads').select('number')
  const letters = await service.knex('letters').pluck<string[]>('kind')
  return { pieces: pieces.length, letters }
}

const nothingLeft = { pieces: 0, letters: [] }

describe('an upload that nobody waits for', () => {
  it.each([
    [{ query: 'async=true' }, 'respond-async'],
    [{ headers: { Prefer: 'respond-async' } }, 'respond-async'],
    [{ headers: { Prefer: 'Respond-Async; x=y, wait=10' } }, 'respond-async'],
    [{ headers: { Prefer: 'handling=lenient, respond-async' } }, 'respond-async'],
    [{ query: 'async=true', headers: { Prefer: 'wait=10' } }, 'respond-async'],
    [{ headers: { Prefer: 'handling=strict, respond-async' } }, 'respond-async, handling=strict'],
    [{ query: 'async=true', headers: { Prefer: 'handling=strict' } }, 'respond-async, handling=strict'],
    [{ query: 'strict=true', headers: { Prefer: 'respond-async' } }, 'respond-async, handling=strict'],
    [{ query: 'async=true&strict=false', headers: { Prefer: 'handling=strict' } }, 'respond-async'],
  ])('is taken with %j and 202, and says %s', async (asked, applied) => {
    const answer = await upload(service, csv, { claims: anna, ...asked })
    expect([answer.status, answer.text]).toEqual([202, ''])
    expect(answer.headers).toMatchObject({
      location: `${importPath}/${idOf(answer)}`,
      'preference-applied': applied,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    const job = await untilJob(service, idOf(answer))
    expect(job).toMatchObject({
      state: 'finished',
      strict: applied.includes('strict'),
      callerEmail: anna.email,
    })
    expect(await left()).toEqual({ pieces: 0, letters: ['finished'] })
  })

  it('is one that somebody waits for where the query says so', async () => {
    const answer = await upload(service, csv, {
      claims: anna,
      query: 'async=false',
      headers: { Prefer: 'respond-async' },
    })
    expect(answer.status).toBe(200)
    expect(answer.headers['preference-applied']).toBeUndefined()
    expect(await left()).toEqual(nothingLeft)
  })

  it('is refused where nobody could be written to, and nothing is kept', async () => {
    const answer = await uploadLater(service, csv, { claims: { subject: 'nobody' } })
    expect([answer.status, jsonOf(answer)['code']]).toEqual([400, 'letter.no_address'])
    expect(await newest(service)).toEqual([])
    expect(await left()).toEqual(nothingLeft)
  })

  it.each([
    ['a header that is not understood', 'email,shoeSize\na@example.com,43\n', {}, 400, 'csv.header'],
    ['no CSV', '<!doctype html><html></html>', {}, 400, 'csv.not_csv'],
    [
      'an undecodable header',
      Buffer.from('email,given\xe9Name\na@x.org,A\n', 'latin1'),
      {},
      400,
      'csv.header',
    ],
    ['nothing in it', '', {}, 400, 'csv.header'],
    [
      'no right to import',
      csv,
      { claims: { ...anna, role: 'organization_constituent' } },
      403,
      'role.forbidden',
    ],
    [
      'a preference that is not known',
      csv,
      { headers: { Prefer: 'handling=odd' } },
      400,
      'request.preference',
    ],
    [
      'a type that is not taken',
      csv,
      { headers: { 'Content-Type': 'text/html' } },
      415,
      'media_type.unsupported',
    ],
  ])('with %s is refused at the door, without a receipt', async (_, body, more, status, code) => {
    const answer = await uploadLater(service, body, more)
    expect([answer.status, jsonOf(answer)['code']]).toEqual([status, code])
    expect(answer.headers['import-id']).toBeUndefined()
    expect(await newest(service)).toEqual([])
    expect(await left()).toEqual(nothingLeft)
  })

  it.each(['async=yes', 'async=', 'async=true&async=false'])('with ?%s is refused', async (query) => {
    const answer = await upload(service, csv, { query, claims: anna })
    expect([answer.status, jsonOf(answer)['code']]).toEqual([400, 'request.query'])
  })

  it.each([
    ['too many rows', () => numberedHeader + numbered(0, 60_001), {}, 413, 'upload.too_many_rows'],
    ['too many bytes', () => large, { 'Transfer-Encoding': 'chunked' }, 413, 'upload.too_large'],
    [
      'too many bytes once unpacked',
      () => gzipSync(large),
      { 'Content-Encoding': 'gzip' },
      413,
      'upload.too_large',
    ],
    [
      'gzip that is cut',
      () => gzipSync(numberedHeader + numbered(0, 15_000)).subarray(0, -9),
      { 'Content-Encoding': 'gzip' },
      400,
      'encoding.broken',
    ],
  ])('of %s is told so at the door, and its receipt is aborted', async (_, body, headers, status, code) => {
    const answer = await uploadLater(service, body(), { headers: { ...headers, 'Idempotency-Key': 'again' } })
    expect([answer.status, jsonOf(answer)['code']]).toEqual([status, code])
    expect(await jobOf(service, idOf(answer))).toMatchObject({
      state: 'aborted',
      reason: { code },
      letters: [],
    })
    expect(await left()).toEqual(nothingLeft)
    expect(await service.knex('users').select('id')).toEqual([])
    const again = await uploadLater(service, csv, { headers: { 'Idempotency-Key': 'again' } })
    expect(again.status).toBe(202)
    await untilJob(service, idOf(again))
  })

  it('that is cut in the middle is aborted, leaves nothing, and writes to nobody', async () => {
    const client = await RawClient.connect(service)
    const body = numberedHeader + numbered(0, 15_000)
    await client.write(
      headOf({ token: await service.token(anna), query: 'async=true', length: body.length }) +
        body.slice(0, -1_000),
    )
    await untilNewest()
    const [receipt] = await newest(service)
    client.socket.resetAndDestroy()
    expect(await untilJob(service, receipt!.id)).toMatchObject({ state: 'aborted', counts: { rows: 0 } })
    expect(await left()).toEqual(nothingLeft)
    expect(await service.knex('users').select('id')).toEqual([])
  })

  it('that is stopped while it still arrives says so to its sender, and leaves nothing', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(anna), query: 'async=true' }))
    await client.chunk(numberedHeader + numbered(0, 10_000))
    await untilNewest()
    const [receipt] = await newest(service)
    expect(receipt).toMatchObject({
      state: 'running',
      progress: { rowsDone: 0, rowsTotal: null, attempts: 0 },
    })
    expect((await remove(service, receipt!.id)).status).toBe(202)
    await client.until((text) => text.includes('import.stopped'))
    expect(client.status).toBe(409)
    expect(await jobOf(service, receipt!.id)).toMatchObject({
      state: 'aborted',
      reason: { code: 'import.stopped' },
    })
    expect(await left()).toEqual(nothingLeft)
    client.destroy()
  })

  it('that is stopped while it waits is not begun, and is erased by another DELETE', async () => {
    const letGo = await holdJobs(service.knex)
    const answer = await uploadLater(service, csv)
    const id = idOf(answer)
    expect(await jobOf(service, id)).toMatchObject({
      state: 'waiting',
      progress: {
        rowsDone: 0,
        rowsTotal: 2,
        rowsPerSecond: null,
        startedAt: null,
        attempts: 0,
        trouble: null,
      },
      upload: { bytes: Buffer.byteLength(csv) },
      letters: [],
    })
    const [listed] = await newest(service)
    expect(listed).toMatchObject({ id, state: 'waiting', progress: { rowsTotal: 2 } })
    expect((await exchange(service, { path: `${importPath}/${id}` })).headers['retry-after']).toBeDefined()
    expect((await remove(service, id)).status).toBe(202)
    expect(await jobOf(service, id)).toMatchObject({
      state: 'aborted',
      reason: { code: 'import.stopped' },
      letters: [{ kind: 'stopped' }],
    })
    expect(await left()).toMatchObject({ pieces: 0 })
    await letGo()
    expect((await remove(service, id)).status).toBe(204)
    expect((await resultOf(service, id)).status).toBe(410)
    expect(await service.knex('users').select('id')).toEqual([])
  })

  it('that is stopped while it runs keeps what was imported by then, and has one letter', async () => {
    const answer = await uploadLater(service, numberedHeader + numbered(0, 50_000))
    const id = idOf(answer)
    await untilJob(service, id, ({ counts }) => counts['rows']! > 0)
    expect((await remove(service, id)).status).toBe(202)
    const job = await untilJob(service, id)
    expect(job).toMatchObject({ state: 'aborted', reason: { code: 'import.stopped' } })
    expect(job.counts['rows']).toBeLessThan(50_000)
    expect(await service.knex('users').select('id')).toHaveLength(job.counts['rows']!)
    const result = await resultOf(service, id)
    expect([result.status, result.complete, result.headers['import-state']]).toEqual([200, true, 'aborted'])
    expect(result.text.trimEnd().split('\n')).toHaveLength(job.counts['rows']! + 1)
    expect(await left()).toEqual({ pieces: 0, letters: ['stopped'] })
  })

  it('is for its sender and for owners, and for nobody else', async () => {
    const member = { role: 'organization_member', subject: 'mia', email: 'mia@example.com' }
    const own = idOf(await uploadLater(service, csv, { claims: member }))
    const others = idOf(await uploadLater(service, csv))
    const path = (id: string): string => `${importPath}/${id}`
    const statusOf = async (id: string, claims: object, method = 'GET'): Promise<number> =>
      (await exchange(service, { path: path(id), claims, method })).status
    expect(await statusOf(own, member)).toBe(200)
    expect(await statusOf(own, anna)).toBe(200)
    expect(await statusOf(others, member)).toBe(404)
    expect(await statusOf(others, member, 'DELETE')).toBe(404)
    expect(await statusOf(own, { ...anna, organization: 'other-org' })).toBe(404)
    for (const id of [own, others]) expect(await untilJob(service, id)).toMatchObject({ state: 'finished' })
  })
})

const untilNewest = (asked = service): Promise<void> => until(async () => (await newest(asked)).length > 0)

describe('imports in the background', () => {
  it('count among the imports at once while they arrive, and not while they wait or run', async () => {
    const limited = await startService({ settings: { MAX_IMPORTS_PER_ORGANIZATION: '1' } })
    try {
      const client = await RawClient.connect(limited)
      await client.write(headOf({ token: await limited.token(anna), query: 'async=true' }))
      await client.chunk(numberedHeader + numbered(0, 10))
      await untilNewest(limited)
      expect((await upload(limited, csv)).status).toBe(429)
      const refused = await uploadLater(limited, csv)
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '5'])
      const letGo = await holdJobs(limited.knex, 2)
      await client.chunk('')
      await client.until((text) => text.includes('\r\n\r\n'))
      expect(client.status).toBe(202)
      client.destroy()
      const [first] = await newest(limited)
      await untilJob(limited, first!.id)
      const other = { ...anna, organization: 'other-org' }
      // One of its jobs runs.
      expect((await upload(limited, csv, { claims: other })).status).toBe(200)
      await letGo()
      expect(hasEnded((await newest(limited))[0] as never)).toBe(true)
    } finally {
      await limited.close()
    }
  })

  it('that wait do not count, so a thousand may', async () => {
    const limited = await startService({ settings: { MAX_IMPORTS_PER_ORGANIZATION: '2' } })
    try {
      const letGo = await holdJobs(limited.knex)
      const ids: string[] = []
      for (let count = 0; count < 5; count += 1) {
        const answer = await uploadLater(limited, `email\nu${count}@example.com\n`)
        expect(answer.status).toBe(202)
        ids.push(idOf(answer))
      }
      expect((await newest(limited)).map(({ state }) => state as string)).toEqual(ids.map(() => 'waiting'))
      await letGo()
      const starts: string[] = []
      for (const id of ids) starts.push((await untilJob(limited, id)).progress!.startedAt!)
      expect(starts.map((start) => Date.parse(start))).toEqual(
        starts.map((start) => Date.parse(start)).sort((a, b) => a - b),
      )
    } finally {
      await limited.close()
    }
  })
})
