import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { anna, holdJobs, remove, untilJob, uploadLater } from '../support/async.ts'
import { forgetAll } from '../support/jobs.ts'
import { numbered, numberedHeader } from '../support/csv.ts'
import { ended, exchange, idOf, jsonOf, newest, resultOf, untilReceipt, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const csv = 'email,givenName\nanna@example.com,Anna\nbob.example.com,Bob\n'
const keyed = { claims: anna, headers: { 'Idempotency-Key': 'monday' } }

describe('an Idempotency-Key of an import that nobody waits for', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => forgetAll(service.knex))

  const emails = (): Promise<string[]> => service.knex('users').pluck('email')

  it('is answered 202 with the same import as often as it comes, which is done once', async () => {
    const first = await uploadLater(service, csv, keyed)
    const second = await uploadLater(service, csv, keyed)
    await untilJob(service, idOf(first))
    const third = await uploadLater(service, csv, keyed)
    for (const answer of [second, third]) {
      expect([answer.status, answer.text, idOf(answer)]).toEqual([202, '', idOf(first)])
      expect(answer.headers['location']).toBe(first.headers['location'])
    }
    expect(await newest(service)).toHaveLength(1)
    expect(await service.knex('letters').pluck('kind')).toEqual(['finished'])
  })

  it('is answered for who has no address any more, since no further letter is sent', async () => {
    const claims = { ...anna, email: undefined }
    const refused = await uploadLater(service, csv, { ...keyed, claims })
    expect([refused.status, jsonOf(refused)['code']]).toEqual([400, 'letter.no_address'])
    const first = await uploadLater(service, csv, keyed)
    const again = await uploadLater(service, csv, { ...keyed, claims })
    expect([again.status, idOf(again)]).toEqual([202, idOf(first)])
    await untilJob(service, idOf(first))
  })

  it('of one that somebody waited for is answered with its result, since no letter will come', async () => {
    const first = await upload(service, csv, keyed)
    expect(first.status).toBe(200)
    const second = await uploadLater(service, csv, keyed)
    expect([second.status, idOf(second), second.text]).toEqual([200, idOf(first), first.text])
    expect(second.headers['preference-applied']).toBeUndefined()
    expect(await service.knex('import_payloads').select('number')).toEqual([])
  })

  it.each(['', 'only=invalid', 'strict=true', 'dryRun=true'])(
    'is answered with the result, as it comes, to who waits for it, with ?%s',
    async (query) => {
      const letGo = await holdJobs(service.knex)
      const first = await uploadLater(service, csv, { ...keyed, query })
      const waiting = upload(service, csv, { ...keyed, query })
      const other = await upload(service, `${csv}cy@example.com,Cy\n`, { ...keyed, query })
      expect([other.status, jsonOf(other)['code']]).toEqual([422, 'idempotency.mismatch'])
      await letGo()
      const followed = await waiting
      expect(followed.status).toBe(query === 'strict=true' ? 422 : 200)
      expect([followed.complete, idOf(followed)]).toEqual([true, idOf(first)])
      const result = await resultOf(service, idOf(first))
      expect(followed.bytes.equals(result.bytes)).toBe(true)
      expect(followed.trailers).toEqual(result.trailers)
      const again = await upload(service, csv, { ...keyed, query })
      expect([again.status, again.text]).toEqual([followed.status, followed.text])
    },
  )

  it.each([
    ['another file', `${csv}\n`, '', {}],
    ['another query', csv, 'only=invalid', {}],
    ['another mode', csv, 'strict=true', {}],
    ['another charset', csv, '', { 'Content-Type': 'text/csv; charset=windows-1252' }],
    ['another type of answer', csv, '', { Accept: 'application/x-ndjson' }],
  ])('with %s is refused, while the first waits and when it is done', async (_, body, query, headers) => {
    const letGo = await holdJobs(service.knex)
    const first = await uploadLater(service, csv, keyed)
    const more = { ...keyed, query, headers: { ...keyed.headers, ...headers } }
    const attempt = async () => {
      for (const send of [upload, uploadLater]) {
        const answer = await send(service, body, more)
        expect([answer.status, jsonOf(answer)['code']]).toEqual([422, 'idempotency.mismatch'])
      }
    }
    await attempt()
    await letGo()
    await untilJob(service, idOf(first))
    await attempt()
    expect(await service.knex('import_payloads').select('number')).toEqual([])
  })

  it('is free again where the import was stopped while it waited, and found in the history all the same', async () => {
    const letGo = await holdJobs(service.knex)
    const first = await uploadLater(service, csv, keyed)
    await remove(service, idOf(first))
    const second = await uploadLater(service, csv, keyed)
    expect(second.status).toBe(202)
    expect(idOf(second)).not.toBe(idOf(first))
    await letGo()
    expect(await untilJob(service, idOf(second))).toMatchObject({ state: 'finished' })
    const { text } = await exchange(service, { path: `${importPath}?idempotencyKey=monday` })
    const { imports } = JSON.parse(text) as { imports: { id: string; state: string }[] }
    expect(imports.map(({ id, state }) => [id, state])).toEqual([
      [idOf(second), 'finished'],
      [idOf(first), 'aborted'],
    ])
  })

  it('of an import that is stopped while it waits says so to who follows it', async () => {
    const letGo = await holdJobs(service.knex)
    const first = await uploadLater(service, csv, keyed)
    const waiting = Array.from({ length: 4 }, () => upload(service, csv, keyed))
    await setTimeout(1_000)
    await remove(service, idOf(first))
    for (const told of await Promise.all(waiting)) {
      // Who came too late has begun a new one, or follows that.
      if (told.status === 200) expect(idOf(told)).not.toBe(idOf(first))
      else expect([told.status, jsonOf(told)['code']]).toEqual([503, 'import.aborted'])
    }
    await letGo()
  })

  it('is free again where the import has failed', async () => {
    const letGo = await holdJobs(service.knex)
    const first = await uploadLater(service, csv, keyed)
    await service.knex('import_jobs').update({ attempts: 5 })
    await letGo()
    expect(await untilJob(service, idOf(first))).toMatchObject({
      state: 'failed',
      reason: { code: 'job.exhausted' },
    })
    const second = await uploadLater(service, csv, keyed)
    expect(second.status).toBe(202)
    expect(await untilJob(service, idOf(second))).toMatchObject({ state: 'finished' })
  })

  it('of twenty requests at the same moment, some of whom wait, is the key of one import', async () => {
    const body = numberedHeader + numbered(0, 3_000)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 4 === 0 ? upload : uploadLater)(service, body, keyed),
      ),
    )
    const ids = new Set(answers.map(idOf))
    expect(ids.size).toBe(1)
    const [id = ''] = ids
    // Where the first was one that waits, nobody is written a letter: then all are answered with its result.
    const isStreamed = (await service.knex('import_jobs').select('import_id')).length === 0
    expect(answers.map(({ status }) => status)).toEqual(
      answers.map((_, index) => (isStreamed || index % 4 === 0 ? 200 : 202)),
    )
    await untilReceipt(service, id, ended)
    const result = await resultOf(service, id)
    for (const answer of answers.filter(({ status }) => status === 200)) {
      expect(answer.bytes.equals(result.bytes)).toBe(true)
    }
    expect(await emails()).toHaveLength(3_000)
    expect(await newest(service)).toHaveLength(1)
    expect(await service.knex('import_payloads').select('number')).toEqual([])
  })

  it('belongs to its caller', async () => {
    const first = await uploadLater(service, csv, keyed)
    const ben = { subject: 'ben', email: 'ben@example.com' }
    const second = await uploadLater(service, csv, { ...keyed, claims: ben })
    expect(second.status).toBe(202)
    expect(idOf(second)).not.toBe(idOf(first))
    for (const answer of [first, second]) await untilJob(service, idOf(answer))
  })
})
