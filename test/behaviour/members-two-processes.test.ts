import { afterAll, afterEach, beforeAll, expect, describe, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import {
  ask,
  eventually,
  holdImports,
  importAt,
  locationOf,
  membersBody,
  numberedMembers,
  postBody,
  postMembers,
  programOf,
  resultAt,
  untilImport,
  type Caller,
} from '../support/members.ts'
import { startService, type Service } from '../support/service.ts'

// The embedded database has room for one process.
const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

onServer('imports of members that one process takes in and another imports', () => {
  let place: Place
  let web: Service
  let worker: Service
  let owner: Caller
  let letGo: () => Promise<void> = () => Promise.resolve()

  beforeAll(async () => {
    place = await newPlace()
    web = await startService({ place, duties: 'web' })
    worker = await startService({ place, duties: 'worker' })
    owner = await programOf(web)
  })
  afterEach(() => letGo())
  afterAll(async () => {
    await web.close()
    await worker.close()
    await place.remove()
  })

  it('are followed in the first while they grow in the second', async () => {
    letGo = await holdImports(web.knex, 1)
    const location = await postMembers(web, owner, numberedMembers(0, 1_200))
    let seen = ''
    const reading = ask(web, owner, { path: `${location}/result`, onData: (soFar) => (seen = soFar) })
    await eventually(
      () => Promise.resolve(seen),
      (text) => text.includes('m-0@example.com'),
    )
    expect(await importAt(web, owner, location)).toMatchObject({ state: 'running' })
    await letGo()
    const followed = await reading
    expect(followed.complete).toBe(true)
    expect((JSON.parse(followed.text) as { members: object[] }).members).toHaveLength(1_200)
    expect(await untilImport(web, owner, location)).toMatchObject({ state: 'finished' })
  })

  it('are stopped in the first', async () => {
    letGo = await holdImports(web.knex, 1)
    const location = await postMembers(web, owner, numberedMembers(2_000, 4_000))
    await untilImport(web, owner, location, ({ counts }) => counts['members']! > 0)
    expect((await ask(web, owner, { method: 'DELETE', path: location })).status).toBe(202)
    const seen = await untilImport(web, owner, location)
    expect(seen).toMatchObject({ state: 'aborted', reason: { code: 'import.stopped' } })
    expect(await resultAt(web, owner, location)).toHaveLength(seen.counts['members']!)
    expect(seen.counts['members']).toBeLessThan(2_000)
  })

  it('run once, though both are asked for the same at the same moment', async () => {
    const body = membersBody(numberedMembers(5_000, 5_100), { id: 'both' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => postBody(index % 2 === 0 ? web : worker, owner, body)),
    )
    const [location, ...others] = answers.map(locationOf)
    expect(new Set(others)).toEqual(new Set([location]))
    expect(await untilImport(web, owner, location!)).toMatchObject({ counts: { created: 100 } })
    expect(await web.knex('imports').where({ idempotency_key: 'both' })).toHaveLength(1)
  })
})
