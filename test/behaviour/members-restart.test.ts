import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import {
  ask,
  holdImports,
  importAt,
  numberedMembers,
  postMembers,
  programOf,
  resultAt,
  untilImport,
} from '../support/members.ts'
import { startService } from '../support/service.ts'

describe('imports of members and the end of the process', () => {
  let place: Place

  beforeEach(async () => {
    place = await newPlace()
  })
  afterEach(() => place.remove())

  it('wait in one that only takes them in, for another that imports them for who asked then', async () => {
    const web = await startService({ place, duties: 'web' })
    const owner = await programOf(web)
    const first = await postMembers(web, owner, numberedMembers(0, 3))
    const second = await postMembers(web, owner, numberedMembers(3, 5))
    try {
      expect((await ask(web, owner, { method: 'DELETE', path: second })).status).toBe(202)
      expect(await importAt(web, owner, second)).toMatchObject({
        state: 'aborted',
        letters: [{ kind: 'stopped', state: 'waiting' }],
      })
      expect(await importAt(web, owner, first)).toMatchObject({ state: 'waiting', letters: [] })
      await web.knex('credentials').update({ revoked_at: new Date() })
    } finally {
      await web.close()
    }

    const service = await startService({ place })
    try {
      const later = await programOf(service)
      expect(await untilImport(service, later, first)).toMatchObject({
        state: 'finished',
        counts: { created: 3 },
      })
      expect(await resultAt(service, later, first)).toHaveLength(3)
      expect(await service.knex('users').pluck('email')).toHaveLength(3)
      await untilImport(service, later, second, ({ letters }) => letters[0]?.state === 'sent')
    } finally {
      await service.close()
    }
  })

  it('are given back by one that stops, and end once in the next', async () => {
    const members = numberedMembers(0, 3_000)
    const before = await startService({ place })
    const owner = await programOf(before)
    const letGo = await holdImports(before.knex, 1)
    const location = await postMembers(before, owner, members, { id: 'over two' })
    const behind = await postMembers(before, owner, numberedMembers(5_000, 5_001))
    try {
      const begun = await untilImport(before, owner, location, ({ counts }) => counts['members']! > 0)
      expect(begun).toMatchObject({ state: 'running', progress: { rowsPerSecond: expect.any(Number) } })
      await before.stop(100)
      await letGo()
    } finally {
      await before.close()
    }

    const after = await startService({ place })
    try {
      const later = await programOf(after)
      const seen = await untilImport(after, later, location, ({ letters }) => letters[0]?.state === 'sent')
      expect(seen).toMatchObject({
        state: 'finished',
        progress: { rowsDone: 3_000, rowsTotal: 3_000 },
        counts: { members: 3_000, created: 3_000, unchanged: 0, invalid: 0 },
      })
      const result = await resultAt(after, later, location)
      expect(result.map(({ member }) => member)).toEqual(members.map((_, index) => index + 1))
      expect(result.map(({ emailAddress }) => emailAddress)).toEqual(members.map((each) => each.emailAddress))
      await untilImport(after, later, behind)
      const users: { id: string }[] = await after.knex('users').select('id')
      expect(users).toHaveLength(3_001)
      expect(new Set([...users.map(({ id }) => id), ...result.map(({ id }) => id)]).size).toBe(3_001)
    } finally {
      await after.close()
    }
  })

  it('wait for a database that is in the way, say so, and go on', async () => {
    const service = await startService({ place })
    try {
      const owner = await programOf(service)
      const letGo = await holdImports(service.knex, 0, '40001')
      const location = await postMembers(service, owner, numberedMembers(0, 3))
      const inTrouble = await untilImport(
        service,
        owner,
        location,
        ({ progress }) => progress.trouble !== null,
      )
      expect(inTrouble).toMatchObject({ progress: { rowsDone: 0, attempts: 1 } })
      expect(inTrouble.progress.trouble).not.toMatch(/held|sql|chunk|40001/i)
      const waiting = await ask(service, owner, { path: location })
      expect(waiting.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      await letGo()
      const seen = await untilImport(service, owner, location)
      expect(seen).toMatchObject({ state: 'finished', counts: { created: 3 } })
    } finally {
      await service.close()
    }
  })
})
