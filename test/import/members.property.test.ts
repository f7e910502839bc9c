import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Database } from '../../src/db/database.ts'
import { openTestDatabase } from '../support/database.ts'
import { addOrganization, databaseStores, storedMembers, writeUsers } from './database-users.ts'
import { assertHeld } from './engine-cases.ts'
import {
  expectedOfMembers,
  importMembers,
  memberCases,
  outcomeOfMembers,
  storedInMemory,
} from './member-cases.ts'
import { MemoryDirectory } from './memory-directory.ts'

const seed = Number(process.env['PROPERTY_SEED'] ?? 20261124)
const runs = Math.ceil(Number(process.env['PROPERTY_RUNS'] ?? 3_000) / 3)
const databaseRuns = Math.ceil(runs / 10)
const batchSizes = [1, 3, 7, 500]

describe('members are imported as by a member-at-a-time reading of the contract', () => {
  const tried = { worked: 0, failed: 0 }

  it(`on users in memory (${runs} lists, seed ${seed})`, async () => {
    const property = fc.asyncProperty(memberCases, async (asked) => {
      for (const batch of batchSizes) {
        const users = new MemoryDirectory()
        asked.users.forEach((user) => users.usersOf(1).set(user.id, user))
        const answered = await importMembers({ users, members: asked.members, batch })
        const outcome = outcomeOfMembers(answered, storedInMemory(users.usersOf(1).values()))
        expect({ batch, ...outcome }).toEqual({ batch, ...expectedOfMembers(asked) })
        tried.worked += users.tried.worked
        tried.failed += users.tried.failed
      }
    })
    assertHeld(await fc.check(property, { seed, numRuns: runs }))
  }, 600_000)

  it('and users are written before they are looked up both where that works and where one is known', () => {
    expect(tried.worked).toBeGreaterThan(runs / 4)
    expect(tried.failed).toBeGreaterThan(runs / 40)
  })

  describe('in the database', () => {
    let database: Database

    beforeAll(async () => {
      database = await openTestDatabase()
    })

    afterAll(async () => {
      await database.close()
    })

    it(`on users in the database (${databaseRuns} lists, seed ${seed})`, async () => {
      const users = databaseStores(database.knex)
      const property = fc.asyncProperty(memberCases, fc.constantFrom(...batchSizes), async (asked, batch) => {
        const organizationId = await addOrganization(database.knex)
        await writeUsers(database.knex, organizationId, asked.users)
        const answered = await importMembers({ users, organizationId, members: asked.members, batch })
        const outcome = outcomeOfMembers(answered, await storedMembers(database.knex, organizationId))
        expect({ batch, ...outcome }).toEqual({ batch, ...expectedOfMembers(asked) })
      })
      assertHeld(await fc.check(property, { seed, numRuns: databaseRuns }))
    }, 600_000)
  })
})
