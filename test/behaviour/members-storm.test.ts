import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Random } from '../faults/random.ts'
import { rowsOf } from '../support/csv.ts'
import {
  ask,
  eventually,
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

const OPERATIONS = 250

// However busy the machine is.
const PATIENT = 300_000
const AT_ONCE = 12

interface ImportRow {
  readonly id: string
  readonly state: string
  readonly caller: string
  readonly idempotency_key: string
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly invalid: number
}

describe('many requests about the same few imports at once', () => {
  let service: Service
  let callers: readonly Caller[]

  beforeAll(async () => {
    service = await startService()
    callers = [
      await programOf(service),
      await programOf(service, { subject: 'another' }),
      await programAlone(service, { contact: 'program@example.com' }),
    ]
  })
  afterAll(() => service.close())

  it('are all answered in order, and every import ends once with one letter', async () => {
    const random = new Random(20_261_122)
    const bodies = ['a', 'b', 'c', 'd'].map((id, index) =>
      membersBody(numberedMembers(index, index + [1, 60, 400, 1_500][index]!), { id }),
    )
    const operation = async (): Promise<string> => {
      const [caller, body] = [random.pick(callers), random.pick(bodies)]
      const location = `${membersPath}/${body.id}`
      const kind = random.pick(['post', 'post', 'other', 'stop', 'look', 'result', 'csv'] as const)
      const answer = await {
        post: () => postBody(service, caller, body),
        other: () => postBody(service, caller, { ...body, newMembers: [] }),
        stop: () => ask(service, caller, { method: 'DELETE', path: location }),
        look: () => ask(service, caller, { path: location }),
        result: () => ask(service, caller, { path: `${location}/result` }),
        csv: () => ask(service, caller, { path: `${location}/result`, headers: { Accept: 'text/csv' } }),
      }[kind]()
      return `${kind} ${answer.status}`
    }
    const answers: string[] = []
    let left = OPERATIONS
    const work = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        answers.push(await operation())
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))

    expect(answers).toHaveLength(OPERATIONS)
    const wanted =
      /^(?:(?:post|other) (?:202|422)|stop (?:202|204|404)|look (?:200|404)|(?:result|csv) (?:200|404|410))$/
    expect(answers.filter((answer) => !wanted.test(answer))).toEqual([])

    const imports = await eventually(
      () => service.knex<ImportRow>('imports').select('*'),
      (rows) => rows.every(({ state }) => state !== 'waiting' && state !== 'running'),
    )
    expect(imports.length).toBeGreaterThan(0)
    for (const { state } of imports) expect(['finished', 'aborted']).toContain(state)
    // Of each caller's id at most one is not free again.
    const taken = imports.filter(({ state }) => state === 'finished')
    const keys = taken.map(({ caller, idempotency_key: key }) => `${caller} ${key}`)
    expect(new Set(keys).size).toBe(keys.length)
    const letters: { import_id: string; kind: string }[] = await service
      .knex('letters')
      .select('import_id', 'kind')
    expect(letters.map(({ import_id: id, kind }) => `${id} ${kind}`).sort()).toEqual(
      imports.map(({ id, state }) => `${id} ${state === 'finished' ? 'finished' : 'stopped'}`).sort(),
    )
    expect(await service.knex('import_payloads').select('import_id')).toEqual([])
    // Nobody was created twice, and nobody of whom no import tells.
    const [users] = await service.knex('users').count<{ count: string }[]>('* as count')
    expect(imports.reduce((sum, { created }) => sum + created, 0)).toBe(Number(users!.count))
    expect(service.logged()).not.toMatch(/"level":(?:50|60)/)
  }, PATIENT)

  it('and about the same people as files that are imported meanwhile leave every one of them whole', async () => {
    await service.knex('users').delete()
    const count = 1_000
    const [caller] = callers as [Caller]
    const members = numberedMembers(0, count, 'Member').map((member) => ({ ...member, familyName: 'M' }))
    const rows = (name: string): string =>
      members.map(({ emailAddress }) => `${emailAddress},${name},${name}\n`).join('')
    const importing = [
      postMembers(service, caller, members, { id: 'same people' }),
      ...['One', 'Two', 'Three'].map((name) => service.post(`email,givenName,familyName\n${rows(name)}`)),
    ] as const
    const [location, ...files] = await Promise.all(importing)
    for (const file of files) {
      expect((file).status).toBe(200)
      expect(rowsOf((file).text).every(({ disposition }) => disposition === 'imported')).toBe(true)
    }
    const seen = await untilImport(service, caller, location)
    expect(seen).toMatchObject({ state: 'finished', counts: { members: count, imported: count } })
    const users: Record<string, unknown>[] = await service
      .knex('users')
      .select('email', 'roles', 'given_name', 'family_name')
    expect(new Set(users.map(({ email }) => email)).size).toBe(count)
    expect(users).toHaveLength(count)
    for (const { roles, given_name: given, family_name: family } of users) {
      expect(roles).toContain('organization_member')
      // The files have the last word, or the first; names come from one of them.
      expect(['One', 'Two', 'Three']).toContain(given)
      expect(family).toBe(given)
    }
  }, PATIENT)
})
