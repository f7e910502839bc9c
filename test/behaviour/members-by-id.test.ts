import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { jsonOf } from '../support/receipts.ts'
import {
  ask,
  eventually,
  holdImports,
  importAt,
  locationOf,
  membersBody,
  membersPath,
  numberedMembers,
  postBody,
  postMembers,
  programAlone,
  programOf,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { startService, type Service } from '../support/service.ts'

describe('the id of an import of members', () => {
  let service: Service
  let owner: Caller
  let letGo: () => Promise<void> = () => Promise.resolve()

  beforeAll(async () => {
    service = await startService()
    owner = await programOf(service)
  })
  afterEach(() => letGo())
  afterAll(() => service.close())

  const importsOf = async (id: string): Promise<number> => {
    const [row] = await service
      .knex('imports')
      .where({ idempotency_key: id })
      .count<{ count: string }[]>('* as count')
    return Number(row!.count)
  }

  const member = { emailAddress: 'again@example.com', givenName: 'Ä', displayName: null, makeAdmin: false }

  it('makes the same request harmless: however it is written, it runs once', async () => {
    const body = membersBody([member], { id: 'once' })
    const location = await postMembers(service, owner, [member], { id: 'once' })
    const { importId } = await untilImport(service, owner, location)
    const same: (string | object)[] = [
      body,
      { ...body, importDate: '2031-01-01T00:00:00+14:00', importFilename: 'another name.xlsx' },
      JSON.stringify(body, null, 8),
      Object.fromEntries(Object.entries(body).reverse()),
      { ...body, newMembers: [Object.fromEntries(Object.entries(member).reverse())] },
      JSON.stringify(body).replace('Ä', '\\u00c4'),
      { ...body, newMembers: [{ ...member, displayName: '', recoveryEmail: '', isMfaDisabled: null }] },
      { ...body, newMembers: [{ emailAddress: 'again@example.com', givenName: 'Ä', makeAdmin: false }] },
    ]
    for (const again of same) {
      const answer = await postBody(service, owner, again)
      expect(answer).toMatchObject({ status: 202, text: '' })
      expect(answer.headers.location).toBe(location)
    }
    expect(await importsOf('once')).toBe(1)
    expect(await importAt(service, owner, location)).toMatchObject({
      importId,
      fileName: 'members.json',
      counts: { members: 1, created: 1 },
      letters: [{ kind: 'finished' }],
    })
  })

  it('with another body is a 422, and nothing of it is imported', async () => {
    const body = membersBody([member, { emailAddress: 'second@example.com' }], { id: 'other' })
    await untilImport(service, owner, locationOf(await postBody(service, owner, body)))
    const [first, second] = body.newMembers
    const others: object[] = [
      { ...body, newMembers: [] },
      { ...body, newMembers: [first] },
      { ...body, newMembers: [second, first] },
      { ...body, newMembers: [first, second, {}] },
      { ...body, newMembers: [first, { ...second, makeAdmin: true }] },
      { ...body, newMembers: [first, { ...second, givenName: ' ' }] },
      { ...body, newMembers: [first, { ...second, emailAddress: 'SECOND@example.com' }] },
      { ...body, newMembers: [{ ...first, makeAdmin: undefined }, second] },
      { ...body, importingUserId: 'somebody else' },
    ]
    for (const other of others) {
      const answer = await postBody(service, owner, other)
      expect(jsonOf(answer)).toMatchObject({ status: 422, code: 'idempotency.mismatch' })
      expect(answer.headers.location).toBeUndefined()
    }
    expect(await importsOf('other')).toBe(1)
  })

  it('is answered for who has no address any more, since no further letter is sent', async () => {
    const asker = { subject: 'asker', email: 'asker@example.com' }
    const withoutAddress = await programOf(service, { ...asker, email: undefined })
    const body = membersBody(numberedMembers(90, 91), { id: 'no address' })
    const refused = await postBody(service, withoutAddress, body)
    expect(jsonOf(refused)).toMatchObject({ status: 400, code: 'letter.no_address' })
    const location = locationOf(await postBody(service, await programOf(service, asker), body))
    expect(locationOf(await postBody(service, withoutAddress, body))).toBe(location)
    const other = await postBody(service, withoutAddress, { ...body, newMembers: [] })
    expect(jsonOf(other)).toMatchObject({ status: 422, code: 'idempotency.mismatch' })
    expect(await importsOf('no address')).toBe(1)
  })

  it('is compared as it is: with no letter and no blank changed', async () => {
    for (const id of ['Case', 'case', ' case', 'case ', 'cas\u00e9', 'case\u0301', 'cas\u0065\u0301'])
      expect((await postBody(service, owner, membersBody([], { id }))).status).toBe(202)
    const ids: string[] = await service
      .knex('imports')
      .whereRaw("idempotency_key ilike '%cas%'")
      .pluck('idempotency_key')
    expect(new Set(ids).size).toBe(6)
  })

  it('belongs to its import while that runs, and while it waits', async () => {
    letGo = await holdImports(service.knex)
    const running = membersBody(numberedMembers(0, 2), { id: 'runs' })
    const location = locationOf(await postBody(service, owner, running))
    await untilImport(service, owner, location, ({ state }) => state === 'running')
    const waiting = membersBody(numberedMembers(2, 4), { id: 'waits' })
    const behind = locationOf(await postBody(service, owner, waiting))
    expect((await importAt(service, owner, behind)).state).toBe('waiting')
    for (const body of [running, waiting]) {
      expect((await postBody(service, owner, body)).status).toBe(202)
      expect((await postBody(service, owner, { ...body, newMembers: [] })).status).toBe(422)
      expect(await importsOf(body.id)).toBe(1)
    }
    await letGo()
    for (const each of [location, behind])
      expect(await untilImport(service, owner, each)).toMatchObject({
        state: 'finished',
        counts: { created: 2 },
      })
  })

  it('is free again when its import was stopped, for any body', async () => {
    letGo = await holdImports(service.knex)
    const location = await postMembers(service, owner, numberedMembers(10, 12), { id: 'stopped' })
    await untilImport(service, owner, location, ({ state }) => state === 'running')
    expect((await ask(service, owner, { method: 'DELETE', path: location })).status).toBe(202)
    const { importId } = await untilImport(service, owner, location, ({ state }) => state === 'aborted')
    await letGo()
    const again = await postMembers(service, owner, numberedMembers(10, 13), { id: 'stopped' })
    expect(again).toBe(location)
    const seen = await untilImport(service, owner, location, ({ state }) => state === 'finished')
    expect(seen.importId).not.toBe(importId)
    expect(seen).toMatchObject({ counts: { created: 3 }, letters: [{ kind: 'finished' }] })
    expect(await importsOf('stopped')).toBe(2)
  })

  it('is free again when its import has failed', async () => {
    letGo = await holdImports(service.knex)
    const location = await postMembers(service, owner, numberedMembers(20, 22), { id: 'failed' })
    await untilImport(service, owner, location, ({ state }) => state === 'running')
    // As if it had been begun in vain too often.
    await service.knex('import_jobs').update({ attempts: 5, not_before: service.knex.fn.now() })
    await service
      .knex('imports')
      .where({ idempotency_key: 'failed' })
      .update({ state: 'waiting', process_id: null })
    const failed = await untilImport(service, owner, location, ({ state }) => state === 'failed')
    expect(failed).toMatchObject({
      state: 'failed',
      reason: { code: 'job.exhausted', detail: expect.stringContaining('tried 5 times') },
      counts: { members: 0 },
      letters: [{ kind: 'failed' }],
    })
    expect(await service.knex('import_payloads').where({ import_id: failed.importId })).toEqual([])
    await letGo()
    expect(await postMembers(service, owner, numberedMembers(20, 22), { id: 'failed' })).toBe(location)
    const seen = await untilImport(service, owner, location, ({ state }) => state === 'finished')
    expect(seen.importId).not.toBe(failed.importId)
    expect(seen.counts).toMatchObject({ created: 2 })
  })

  it('is still taken when the result of its import was deleted', async () => {
    const body = membersBody(numberedMembers(30, 32), { id: 'erased' })
    const location = locationOf(await postBody(service, owner, body))
    await untilImport(service, owner, location)
    expect((await ask(service, owner, { method: 'DELETE', path: location })).status).toBe(204)
    expect((await postBody(service, owner, body)).status).toBe(202)
    expect((await postBody(service, owner, { ...body, newMembers: [] })).status).toBe(422)
    expect(await importsOf('erased')).toBe(1)
    expect(await importAt(service, owner, location)).toMatchObject({ state: 'finished', result: null })
  })

  it('makes one import of twenty requests at the same moment', async () => {
    const body = membersBody(numberedMembers(40, 60), { id: 'parallel' })
    const answers = await Promise.all(Array.from({ length: 20 }, () => postBody(service, owner, body)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202))
    expect(await importsOf('parallel')).toBe(1)
    const seen = await untilImport(service, owner, `${membersPath}/parallel`)
    expect(seen).toMatchObject({ counts: { members: 20, created: 20 }, letters: [{ kind: 'finished' }] })
  })

  it('makes one import of twenty different bodies at the same moment, and refuses the others', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        postBody(service, owner, membersBody(numberedMembers(0, index), { id: 'race' })),
      ),
    )
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([202, ...Array<number>(19).fill(422)])
    expect(await importsOf('race')).toBe(1)
    // What was stored of those that were refused is not there any more.
    await untilImport(service, owner, `${membersPath}/race`)
    await eventually(
      async () => (await service.knex('import_payloads').select('import_id')).length,
      (left) => left === 0,
    )
  })

  it('belongs to its caller: another may have the same, and each finds his own', async () => {
    const other = await programOf(service, { subject: 'another', email: 'another@example.com' })
    const program = await programAlone(service, { contact: 'program@example.com' })
    const callers = [owner, other, program]
    const id = 'shared'
    for (const [index, caller] of callers.entries()) {
      const location = await postMembers(service, caller, numberedMembers(0, index + 1), { id })
      expect(await untilImport(service, caller, location)).toMatchObject({ counts: { members: index + 1 } })
    }
    for (const [index, caller] of callers.entries()) {
      expect(await importAt(service, caller, `${membersPath}/${id}`)).toMatchObject({
        counts: { members: index + 1 },
      })
    }
    expect(await importsOf(id)).toBe(3)
  })

  it('is the same for the same user through two programs', async () => {
    const elsewhere = await programOf(service)
    const body = membersBody(numberedMembers(0, 1), { id: 'two programs' })
    await untilImport(service, owner, locationOf(await postBody(service, owner, body)))
    expect((await postBody(service, elsewhere, body)).status).toBe(202)
    expect((await postBody(service, elsewhere, { ...body, newMembers: [] })).status).toBe(422)
    expect(await importsOf('two programs')).toBe(1)
  })

  it('belongs to its organization', async () => {
    const stranger = await programOf(service, { organization: 'other-org' })
    const path = '/v1/organizations/2/members/import'
    const location = await postMembers(service, owner, numberedMembers(0, 1), { id: 'both' })
    const body = membersBody(numberedMembers(0, 2), { id: 'both', organizationId: 2 })
    const theirs = locationOf(await postBody(service, stranger, body, { path }))
    expect(theirs).toBe(`${path}/both`)
    expect((await untilImport(service, owner, location)).counts).toMatchObject({ members: 1 })
    expect((await untilImport(service, stranger, theirs)).counts).toMatchObject({ members: 2 })
    // Without one of his own a stranger finds none, and is told nothing of what there is.
    const known = await postMembers(service, owner, [], { id: 'ours' })
    for (const place of [known, known.replace('/1/', '/2/')])
      for (const suffix of ['', '/result']) {
        const missing = await ask(service, stranger, { path: `${place}${suffix}` })
        expect(missing.status).toBe(404)
      }
  })
})
