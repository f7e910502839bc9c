import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { keysOf } from '../../src/users/user.ts'
import type { Database } from '../../src/db/database.ts'
import { openTestDatabase } from '../support/database.ts'
import { addOrganization, databaseStores, storedKeys, storedUsers, writeUsers } from './database-users.ts'
import { compare, engineCases, expectedOf, outcomeOf, assertHeld, type EngineCase } from './engine-cases.ts'
import { MemoryDirectory } from './memory-directory.ts'

const seed = Number(process.env['PROPERTY_SEED'] ?? 20261122)
const runs = Number(process.env['PROPERTY_RUNS'] ?? 3_000)
const databaseRuns = Math.ceil(runs / 15)
const batchSizes = [1, 3, 7, 500]

/** Compares a case with the reference in memory; returns how often users were written without a look-up. */
async function compareInMemory(asked: EngineCase, batch: number): Promise<MemoryDirectory['tried']> {
  const users = new MemoryDirectory()
  asked.users.forEach((user) => users.usersOf(1).set(user.id, user))
  const stored = () => Promise.resolve([...users.usersOf(1).values()].map(({ values }) => values as string[]))
  compare(
    asked,
    batch,
    expectedOf(asked),
    await outcomeOf(asked, batch, { users, organizationId: 1, stored }),
  )
  return users.tried
}

describe('the engine agrees with a row-at-a-time reading of the contract', () => {
  const tried = { worked: 0, failed: 0 }

  it(`on users in memory (${runs} files, seed ${seed})`, async () => {
    const property = fc.asyncProperty(engineCases, async (asked) => {
      for (const batch of batchSizes) {
        const { worked, failed } = await compareInMemory(asked, batch)
        tried.worked += worked
        tried.failed += failed
      }
    })
    assertHeld(await fc.check(property, { seed, numRuns: runs }))
  }, 600_000)

  it('and writes before it looks up both where that works and where a key is taken', () => {
    expect(tried.worked).toBeGreaterThan(runs / 4)
    expect(tried.failed).toBeGreaterThan(runs / 40)
  })
})

describe('the engine on the database agrees with a row-at-a-time reading of the contract', () => {
  let database: Database

  beforeAll(async () => {
    database = await openTestDatabase()
  })

  afterAll(async () => {
    await database.close()
  })

  it(`on users in the database (${databaseRuns} files, seed ${seed})`, async () => {
    const users = databaseStores(database.knex)
    const property = fc.asyncProperty(engineCases, fc.constantFrom(...batchSizes), async (asked, batch) => {
      const organizationId = await addOrganization(database.knex)
      await writeUsers(database.knex, organizationId, asked.users)
      const stored = () => storedUsers(database.knex, organizationId)
      compare(
        asked,
        batch,
        expectedOf(asked),
        await outcomeOf(asked, batch, { users, organizationId, stored }),
      )
      const keys = (await stored()).map((values) => [values[0], keysOf(values)] as const)
      const expectedKeys = keys.map(([id = '', { slug, email }]) => [id, [slug ?? null, email]])
      expect(await storedKeys(database.knex, organizationId)).toEqual(Object.fromEntries(expectedKeys))
    })
    assertHeld(await fc.check(property, { seed, numRuns: databaseRuns }))
  }, 600_000)
})
