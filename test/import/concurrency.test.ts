import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Database } from '../../src/db/database.ts'
import type { Users } from '../../src/users/user-directory.ts'
import { openTestDatabase } from '../support/database.ts'
import { buildUser, fileOf, outcomes, runImport, type Given, type Stores } from './builders.ts'
import { addOrganization, byColumn, databaseStores, storedUsers, writeUsers } from './database-users.ts'

/** Stores in which something happens once between the first look-up and what follows it. */
function interrupted(stores: Stores, happening: () => Promise<void>): Stores {
  let happened = false
  const once = (users: Users): Users => ({
    ...users,
    find: async (keys) => {
      const found = await users.find(keys)
      if (!happened) {
        happened = true
        await happening()
      }
      return found
    },
  })
  return {
    store: async (organizationId) => {
      const store = await stores.store(organizationId)
      return { save: (work) => store.save((users) => work(once(users))) }
    },
  }
}

// the embedded database has one session, so nobody can come in between there
const onServer = process.env['TEST_DATABASE_URL'] ? it : it.skip

describe('imports of one organization', () => {
  let database: Database
  let users: Stores
  let organizationId: number

  beforeAll(async () => {
    database = await openTestDatabase()
    users = databaseStores(database.knex)
  })

  beforeEach(async () => {
    organizationId = await addOrganization(database.knex)
  })

  afterAll(async () => {
    await database.close()
  })

  const stored = async (): Promise<Record<string, string>[]> =>
    (await storedUsers(database.knex, organizationId)).map(byColumn)
  const emails = Array.from({ length: 24 }, (_, index) => `user-${index}@x.org`)
  const named = (name: string): Given[] =>
    emails.map((email) => ({ email, name, givenName: name, familyName: name, addressCity: name }))
  const run = (given: readonly Given[], stores = users, batch = 5) =>
    runImport({ users: stores, organizationId, ...fileOf(...given), batch })

  it('of the same rows in opposite order leave each user as one of them did, and end, 20 times', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [one, two] = [`one ${round}`, `two ${round}`]
      const answers = await Promise.all([run(named(one)), run(named(two).reverse())])
      expect(answers.flat().filter(({ disposition }) => disposition === 'invalid')).toEqual([])
      const left = await stored()
      expect(left).toHaveLength(emails.length)
      for (const { name, givenName, familyName, addressCity } of left) {
        expect([one, two]).toContain(name)
        expect([givenName, familyName, addressCity]).toEqual([name, name, name])
      }
    }
  })

  onServer('are judged anew where another writer takes a key between look-up and write', async () => {
    const taking = interrupted(users, () =>
      writeUsers(database.knex, organizationId, [buildUser({ slug: 'taken', email: 'other@x.org' })]),
    )
    const rows = await run(
      [
        { slug: 'taken', email: 'new@x.org', name: 'New' },
        { slug: 'free', email: 'free@x.org' },
      ],
      taking,
    )
    expect(outcomes(rows)).toEqual(['updated', 'created'])
    expect((await stored()).map(({ email }) => email).sort()).toEqual(['free@x.org', 'new@x.org'])
  })

  onServer('are judged anew where another writer takes the key that a user is to get', async () => {
    const anna = buildUser({ email: 'anna@x.org' })
    await writeUsers(database.knex, organizationId, [anna])
    const taking = interrupted(users, () =>
      writeUsers(database.knex, organizationId, [buildUser({ slug: 'taken', email: 'other@x.org' })]),
    )
    const rows = await run([{ id: anna.id, slug: 'taken' }], taking)
    expect(outcomes(rows)).toEqual(['Validation error: slug must be unique, but another user has taken'])
  })

  onServer(
    'leave alone what another writer changes of a user between look-up and write, where no cell names it',
    async () => {
      const [anna, bob] = [buildUser({ email: 'anna@x.org' }), buildUser({ email: 'bob@x.org' })]
      await writeUsers(database.knex, organizationId, [anna, bob])
      const verifying = interrupted(users, async () => {
        await database
          .knex('users')
          .where({ organization_id: organizationId, id: anna.id })
          .update({ email_verified: true })
      })
      await run(
        [
          { id: anna.id, name: 'Anna' },
          { id: bob.id, emailVerified: 'TRUE' },
        ],
        verifying,
      )
      const annaNow = (await stored()).find(({ id }) => id === anna.id)
      expect(annaNow).toEqual(expect.objectContaining({ name: 'Anna', emailVerified: 'TRUE' }))
    },
  )

  onServer('never leave the organization without an active owner, when two take away one each', async () => {
    for (let round = 0; round < 10; round += 1) {
      organizationId = await addOrganization(database.knex)
      const [one, two] = [
        buildUser({ roles: 'organization_owner' }),
        buildUser({ roles: 'organization_owner' }),
      ]
      await writeUsers(database.knex, organizationId, [one, two])
      const answers = await Promise.all([one, two].map(({ id }) => run([{ id, active: 'FALSE' }])))
      expect(answers.flatMap(outcomes).sort()).toEqual([
        'Permission error: active must leave the organization an active owner, but has FALSE',
        'updated',
      ])
    }
  })

  it('of different organizations do not meet', async () => {
    const other = await addOrganization(database.knex)
    const file = fileOf(...named('same'))
    const both = [organizationId, other].map((each) => runImport({ users, organizationId: each, ...file }))
    expect((await Promise.all(both)).flat().every(({ disposition }) => disposition === 'created')).toBe(true)
  })

  it('say the same when the file is sent again: nothing changes', async () => {
    await run(named('one'))
    const before = await stored()
    const again = await run(named('one'))
    expect(new Set(again.map(({ disposition }) => disposition))).toEqual(new Set(['unchanged']))
    expect(await stored()).toEqual(before)
  })
})
