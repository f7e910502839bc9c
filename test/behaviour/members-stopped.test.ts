import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { eraseExpired } from '../../src/db/expiry.ts'
import {
  ask,
  eventually,
  holdImports,
  importAt,
  numberedMembers,
  postMembers,
  programOf,
  resultAt,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { jsonOf } from '../support/receipts.ts'
import { startService, type Service } from '../support/service.ts'

describe('DELETE of an import of members', () => {
  let service: Service
  let owner: Caller
  let letGo: () => Promise<void> = () => Promise.resolve()

  beforeAll(async () => {
    service = await startService()
    owner = await programOf(service)
  })
  beforeEach(async () => {
    await service.knex('users').delete()
  })
  afterEach(() => letGo())
  afterAll(() => service.close())

  const stop = (location: string) => ask(service, owner, { method: 'DELETE', path: location })
  const payloads = (): Promise<unknown[]> => service.knex('import_payloads').select('number')
  const users = (): Promise<string[]> => service.knex('users').pluck('email')

  it('that waits stops it before it begins: nothing is imported, and a letter says so', async () => {
    letGo = await holdImports(service.knex)
    const first = await postMembers(service, owner, numberedMembers(0, 1))
    await untilImport(service, owner, first, ({ state }) => state === 'running')
    const location = await postMembers(service, owner, numberedMembers(1, 3))
    const waiting = await ask(service, owner, { path: location })
    expect(waiting.headers['retry-after']).toMatch(/^[1-9]\d*$/)
    expect(jsonOf(waiting)).toMatchObject({
      state: 'waiting',
      progress: { rowsDone: 0, rowsTotal: 2, rowsPerSecond: null, startedAt: null, attempts: 0 },
      endedAt: null,
      letters: [],
    })

    const answer = await stop(location)
    expect(answer).toMatchObject({ status: 202 })
    expect(await importAt(service, owner, location)).toMatchObject({
      state: 'aborted',
      reason: { code: 'import.stopped', detail: expect.any(String) },
      counts: { members: 0 },
      endedAt: expect.any(String),
    })
    await letGo()
    await untilImport(service, owner, first)
    expect(await importAt(service, owner, location)).toMatchObject({
      state: 'aborted',
      counts: { members: 0 },
    })
    expect(await resultAt(service, owner, location)).toEqual([])
    expect(await users()).toEqual(['m-0@example.com'])
    expect(await payloads()).toEqual([])
    await untilImport(service, owner, location, ({ letters }) => letters[0]?.state === 'sent')
    expect((await importAt(service, owner, location)).letters).toMatchObject([{ kind: 'stopped' }])
  })

  it('that runs stops it after its batch: what was imported stays and stands in the result', async () => {
    letGo = await holdImports(service.knex, 1)
    const location = await postMembers(service, owner, numberedMembers(0, 3_000))
    await untilImport(service, owner, location, ({ counts }) => counts['members']! > 0)
    expect((await stop(location)).status).toBe(202)
    const seen = await untilImport(service, owner, location)
    expect(seen).toMatchObject({ state: 'aborted', reason: { code: 'import.stopped' } })
    const result = await resultAt(service, owner, location)
    expect(result.length).toBe(seen.counts['members'])
    expect(result.length).toBeLessThan(3_000)
    expect((await users()).sort()).toEqual(result.map(({ emailAddress }) => emailAddress).sort())
    expect(await payloads()).toEqual([])
    expect(seen.letters).toMatchObject([{ kind: 'stopped' }])
  })

  it('stops it once, however often and by whomever it is asked at the same moment', async () => {
    letGo = await holdImports(service.knex, 1)
    const location = await postMembers(service, owner, numberedMembers(0, 3_000))
    await untilImport(service, owner, location, ({ counts }) => counts['members']! > 0)
    const answers = await Promise.all(Array.from({ length: 10 }, () => stop(location)))
    for (const { status } of answers) expect([202, 204]).toContain(status)
    const seen = await untilImport(service, owner, location)
    expect(seen).toMatchObject({ state: 'aborted', letters: [{ kind: 'stopped' }] })
    expect(seen.letters).toHaveLength(1)
  })

  it('lets the next import of the organization begin', async () => {
    letGo = await holdImports(service.knex)
    const first = await postMembers(service, owner, numberedMembers(0, 1))
    const second = await postMembers(service, owner, numberedMembers(1, 2))
    await untilImport(service, owner, first, ({ state }) => state === 'running')
    await stop(first)
    await untilImport(service, owner, first)
    await letGo()
    expect(await untilImport(service, owner, second)).toMatchObject({ state: 'finished' })
    expect(await users()).toEqual(['m-1@example.com'])
  })

  it('that has ended erases its result, and its counts stay', async () => {
    const location = await postMembers(service, owner, [...numberedMembers(0, 2), {}])
    const before = await untilImport(service, owner, location, ({ letters }) => letters[0]?.state === 'sent')
    expect((await stop(location)).status).toBe(204)
    const gone = await ask(service, owner, { path: `${location}/result` })
    expect(jsonOf(gone)).toMatchObject({ status: 410, code: 'import.erased' })
    expect((await ask(service, owner, { method: 'HEAD', path: `${location}/result` })).status).toBe(410)
    expect(await importAt(service, owner, location)).toEqual({
      ...before,
      result: null,
      resultDeletedAt: expect.any(String),
    })
    // Again it says the same.
    expect((await stop(location)).status).toBe(204)
    expect(await service.knex('import_chunks').where({ import_id: before.importId })).toEqual([])
    expect(await users()).toHaveLength(2)
  })

  it('that was stopped erases what there is of its result', async () => {
    letGo = await holdImports(service.knex, 1)
    const location = await postMembers(service, owner, numberedMembers(0, 3_000))
    await untilImport(service, owner, location, ({ counts }) => counts['members']! > 0)
    await stop(location)
    const { counts } = await untilImport(service, owner, location)
    expect((await stop(location)).status).toBe(204)
    expect((await ask(service, owner, { path: `${location}/result` })).status).toBe(410)
    expect(await importAt(service, owner, location)).toMatchObject({ state: 'aborted', counts, result: null })
  })

  it('after its days have passed finds the result gone already', async () => {
    const location = await postMembers(service, owner, numberedMembers(0, 2))
    const { importId } = await untilImport(service, owner, location)
    await service
      .knex('imports')
      .where({ id: importId })
      .update({ ended_at: new Date(Date.now() - 8 * 86_400_000) })
    await eventually(
      () => eraseExpired(service.knex, { days: 7, bytesPerOrganization: 1e12 }),
      (erased) => erased === 0,
    )
    expect((await ask(service, owner, { path: `${location}/result` })).status).toBe(410)
    expect((await stop(location)).status).toBe(204)
  })

  it('of one that does not exist is a 404', async () => {
    const answer = await stop('/v1/organizations/1/members/import/nothing')
    expect(jsonOf(answer)).toMatchObject({ status: 404, code: 'import.unknown' })
  })
})
