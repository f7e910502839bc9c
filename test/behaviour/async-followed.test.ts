import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { eraseExpired } from '../../src/db/expiry.ts'
import { anna, hasEnded, holdJobs, jobOf, remove, untilJob, uploadLater } from '../support/async.ts'
import { forgetAll } from '../support/jobs.ts'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { RawClient } from '../support/raw-client.ts'
import { exchange, idOf, newest, resultOf, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const csv = 'email,givenName\nanna@example.com,Anna\nbob.example.com,Bob\n'
const ndjson = { Accept: 'application/x-ndjson' }

let service: Service

beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())
beforeEach(() => forgetAll(service.knex))

describe('the result of an import that nobody waits for', () => {
  it('is begun with its header while it waits, and goes on to its end for all who follow it', async () => {
    const letGo = await holdJobs(service.knex)
    const id = idOf(await uploadLater(service, csv))
    const client = await RawClient.connect(service)
    await client.write(
      `GET ${importPath}/${id}/result.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await service.token()}\r\n\r\n`,
    )
    await client.until((text) => text.includes('disposition,errors,email,givenName'))
    expect(client.text).toMatch(/^import-state: waiting\r$/im)
    const followers = [resultOf(service, id), resultOf(service, id, { query: 'only=invalid' })]
    followers.push(resultOf(service, id, { headers: ndjson }))
    await setTimeout(300)
    await letGo()
    await untilJob(service, id)
    const [all, invalid, lines] = await Promise.all(followers)
    const result = await resultOf(service, id)
    expect(all!.bytes.equals(result.bytes)).toBe(true)
    expect(all!.trailers).toEqual(result.trailers)
    expect(rowsOf(invalid!.text)).toHaveLength(1)
    expect(lines!.text.trimEnd().split('\n')).toHaveLength(2)
    for (const { complete } of [all!, invalid!, lines!]) expect(complete).toBe(true)
    await client.until((text) => text.includes('bob.example.com'))
    client.destroy()
  })

  it.each(['', 'strict=true', 'dryRun=true'])(
    'is answered by HEAD while it waits, with ?%s',
    async (query) => {
      const letGo = await holdJobs(service.knex)
      const id = idOf(await uploadLater(service, csv, { query }))
      const head = await exchange(service, { method: 'HEAD', path: `${importPath}/${id}/result.csv` })
      expect([head.status, head.headers['import-state'], head.text]).toEqual([200, 'waiting', ''])
      await letGo()
      await untilJob(service, id)
    },
  )

  it('is broken off for those who follow it where it is stopped', async () => {
    await holdJobs(service.knex)
    const id = idOf(await uploadLater(service, csv))
    let follower: ReturnType<typeof resultOf> | undefined
    await new Promise<void>((resolve) => {
      follower = resultOf(service, id, {
        onData: () => {
          resolve()
        },
      })
    })
    await remove(service, id)
    expect(await follower).toMatchObject({ status: 200, complete: false })
    expect(await resultOf(service, id)).toMatchObject({
      complete: true,
      text: 'disposition,errors,email,givenName\n',
      headers: expect.objectContaining({ 'import-state': 'aborted' }),
    })
  })

  it.each(['strict=true', 'dryRun=true'])(
    'is not shown before its end where a worker may have to begin again, with ?%s',
    async (query) => {
      const letGo = await holdJobs(service.knex)
      const id = idOf(await uploadLater(service, csv, { query }))
      const keyed = { headers: { 'Idempotency-Key': 'the same' }, claims: anna, query }
      const second = idOf(await uploadLater(service, csv, keyed))
      // As a worker leaves it that dies while it stores what became of the rows.
      for (const import_id of [id, second]) {
        const chunk = { organization_id: 1, import_id, number: 0, first_row: 2, notes: Buffer.from('{}') }
        await service.knex('import_chunks').insert({ ...chunk, answer: Buffer.from('of an earlier run\n') })
        await service
          .knex('imports')
          .where({ id: import_id })
          .update({ chunks: 1, refused: query === 'strict=true' })
      }
      const followers = [resultOf(service, id), upload(service, csv, keyed)]
      await setTimeout(1_000)
      await letGo()
      for (const followed of await Promise.all(followers)) {
        expect(followed.complete).toBe(true)
        expect(followed.text).not.toContain('earlier')
        expect(rowsOf(followed.text).map(({ disposition }) => disposition)).toEqual(['valid', 'invalid'])
      }
      expect(await service.knex('import_chunks').pluck('answer')).toHaveLength(2)
    },
  )

  it('is not erased before the import has ended, however old it is and however much is kept', async () => {
    const letGo = await holdJobs(service.knex)
    const old = { created_at: new Date(0) }
    const id = idOf(await uploadLater(service, csv))
    await service.knex('imports').where({ id }).update(old)
    const done = idOf(await upload(service, csv, { claims: anna }))
    await service
      .knex('imports')
      .where({ id: done })
      .update({ ...old, ended_at: new Date(1) })
    expect(await eraseExpired(service.knex, { days: 0, bytesPerOrganization: 0 })).toBe(1)
    expect(await eraseExpired(service.knex, { days: 0, bytesPerOrganization: 0 })).toBe(0)
    expect(await jobOf(service, id)).toMatchObject({ state: 'waiting', resultDeletedAt: null })
    expect(await jobOf(service, done)).toMatchObject({
      state: 'finished',
      resultDeletedAt: expect.any(String),
    })
    expect(await service.knex('import_payloads').select('number')).toHaveLength(1)
    await letGo()
    expect(await untilJob(service, id)).toMatchObject({ state: 'finished', resultDeletedAt: null })
    expect(rowsOf((await resultOf(service, id)).text)).toHaveLength(2)
  })

  it('is erased by DELETE once it is there, and the counts and the letter stay', async () => {
    const id = idOf(await uploadLater(service, csv))
    await untilJob(service, id)
    expect((await remove(service, id)).status).toBe(204)
    expect((await resultOf(service, id)).status).toBe(410)
    expect(await jobOf(service, id)).toMatchObject({
      state: 'finished',
      counts: { rows: 2, created: 1, invalid: 1 },
      progress: { rowsDone: 2, rowsTotal: 2 },
      letters: [{ kind: 'finished' }],
      result: null,
    })
  })
})

describe('a job of fifty thousand rows', () => {
  it('lets everybody else be answered while it runs', async () => {
    const id = idOf(await uploadLater(service, numberedHeader + numbered(0, 50_000)))
    const follower = resultOf(service, id)
    const later = idOf(await uploadLater(service, csv, { claims: { ...anna, organization: 'other-org' } }))
    await untilJob(service, id, ({ counts }) => counts['rows']! > 0)
    let answered = 0
    for (let round = 0; !hasEnded(await jobOf(service, id)); round += 1) {
      const body = `email\nwaits-${round}@example.com\n`
      const other = { ...anna, organization: 'other-org' }
      const statuses = await Promise.all([
        exchange(service, { path: '/healthz', token: '' }),
        exchange(service, { path: '/readyz', token: '' }),
        exchange(service, { path: '/api/export/organization/users.csv', claims: other }),
        upload(service, body, { claims: other }),
        upload(service, body, { claims: anna }),
        uploadLater(service, body, { claims: anna }),
        newest(service).then(() => ({ status: 200 })),
      ])
      expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 202, 200])
      if (!hasEnded(await jobOf(service, id))) answered += 1
    }
    expect(answered).toBeGreaterThan(0)
    expect(await jobOf(service, id)).toMatchObject({ state: 'finished', counts: { created: 50_000 } })
    const followed = await follower
    expect(followed.complete).toBe(true)
    expect(followed.bytes.equals((await resultOf(service, id)).bytes)).toBe(true)
    const others = { path: `${importPath}/${later}`, claims: { ...anna, organization: 'other-org' } }
    expect(JSON.parse((await exchange(service, others)).text)).toMatchObject({ state: 'finished' })
    for (const { id: small } of await newest(service)) await untilJob(service, small)
  }, 300_000)
})
