import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import type { Database } from '../../src/db/database.ts'
import { createUserPages } from '../../src/db/user-pages.ts'
import { columnIndex, columnNames } from '../../src/users/columns.ts'
import { allUsers, type ListedUser, type UserPages } from '../../src/users/user-list.ts'
import { buildUser, idOf, type Given } from '../import/builders.ts'
import { addOrganization, storedUsers, writeUsers } from '../import/database-users.ts'
import { openTestDatabase } from '../support/database.ts'

describe('the pages of an organization’s users', () => {
  let database: Database
  let pages: UserPages

  beforeAll(async () => {
    database = await openTestDatabase()
    pages = createUserPages(database.knex)
  })
  afterAll(() => database.close())

  async function organizationOf(...users: readonly Given[]): Promise<number> {
    const organizationId = await addOrganization(database.knex)
    await writeUsers(database.knex, organizationId, users.map(buildUser))
    return organizationId
  }

  const named = (from: number, to: number): Given[] =>
    Array.from({ length: to - from }, (_, index) => ({
      id: idOf(`u${String(from + index).padStart(4, '0')}`),
    }))

  async function all(organizationId: number, limit: number): Promise<ListedUser[]> {
    const found: ListedUser[] = []
    for await (const page of allUsers(pages, organizationId, limit)) {
      expect(page.length).toBeGreaterThan(0)
      expect(page.length).toBeLessThanOrEqual(limit)
      found.push(...page)
    }
    return found
  }

  it('are none for an organization without users, or that is not there', async () => {
    expect(await all(await organizationOf(), 10)).toEqual([])
    expect(await all(2_000_000_000, 10)).toEqual([])
  })

  it.each([1, 2, 3, 6, 7, 8, 1_000])('of %i hold every user once, in the order of the ids', async (limit) => {
    const before = await organizationOf(...named(0, 3))
    const organizationId = await organizationOf(...named(0, 7).reverse())
    const after = await organizationOf(...named(0, 3))
    expect([before, organizationId, after]).toEqual([before, before + 1, before + 2])
    expect(await all(organizationId, limit)).toEqual(await storedUsers(database.knex, organizationId))
  })

  it('hold values as they are, as canonical text', async () => {
    const full = Object.fromEntries(columnNames.map((name) => [name, `'${name}, "x";\n\t😀`]))
    const organizationId = await organizationOf(
      {
        ...full,
        active: 'FALSE',
        emailVerified: 'TRUE',
        phoneNumberVerified: 'TRUE',
        roles: 'organization_owner,organization_constituent',
      },
      { name: ' ', roles: '' },
      { id: '-', email: '@' },
    )
    const found = await all(organizationId, 2)
    expect(found).toEqual(await storedUsers(database.knex, organizationId))
    expect(found.map((values) => values[columnIndex.email])).toContain('@')
    expect(found.map((values) => values[columnIndex.active]).sort()).toEqual(['FALSE', 'TRUE', 'TRUE'])
  })

  it('hold users to whom somebody else gave a separator', async () => {
    const users = named(0, 6).map((user, index) => ({
      ...user,
      name: index === 3 ? 'a\u001Fb' : `n${index}`,
    }))
    users[4] = { ...users[4]!, name: '\u001F' }
    const organizationId = await organizationOf(...users)
    for (const limit of [1, 2, 4, 10])
      expect(await all(organizationId, limit)).toEqual(await storedUsers(database.knex, organizationId))
  })

  it('are read one ahead and no more, and a failure is told when its page is asked for', async () => {
    const asked: (string | undefined)[] = []
    const failing: UserPages = {
      page: (_organizationId, after, limit) => {
        asked.push(after)
        if (asked.length === 3) return Promise.reject(new Error('broken'))
        return Promise.resolve(Array.from({ length: limit }, (_, index) => [`${after ?? ''}${index}`]))
      },
    }
    const users = allUsers(failing, 1, 2)
    expect(asked).toEqual([])
    expect((await users.next()).value).toEqual([['0'], ['1']])
    await new Promise(setImmediate)
    expect(asked).toEqual([undefined, '1'])
    expect((await users.next()).value).toEqual([['10'], ['11']])
    await new Promise(setImmediate)
    expect(asked).toEqual([undefined, '1', '11'])
    await expect(users.next()).rejects.toThrow('broken')
    expect((await users.next()).done).toBe(true)
  })
})

const users = 4_000
const newcomer = 20_000

/** `step` says whether all are of the first organization, or each of one of his own. */
const fill = (knex: Knex, first: number, step: 0 | 1) =>
  knex.raw(
    `insert into users (organization_id, id, slug, slug_key, email, email_key)
     select ?::integer + n * ?::integer, rpad('u' || n, 36, '_'), 's-' || n, 's-' || n, 'u-' || n || '@example.com',
            'u-' || n || '@example.com'
       from generate_series(0, ?::integer - 1) n`,
    [first, step, users],
  )

async function tuplesRead(trx: Knex): Promise<number> {
  const { rows } = await trx.raw<{ rows: { tuples: number }[] }>(`
    select (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as tuples
      from pg_stat_xact_user_tables where relname = 'users'`)
  return rows[0]!.tuples
}

describe.each<[string, 0 | 1]>([
  ['one organization of thousands of users', 0],
  ['thousands of organizations of one user', 1],
])('a page of an organization of which statistics, of %s, do not know', (_what, step) => {
  let database: Database

  beforeAll(async () => {
    database = await openTestDatabase()
    const { knex } = database
    // The server itself must not learn of the newcomer in the middle.
    await knex.raw('alter table users set (autovacuum_enabled = false)')
    await fill(knex, 1, step)
    await knex.raw('vacuum analyze users')
    await fill(knex, newcomer, 0)
    await fill(knex, newcomer + 1, 0)
  })
  afterAll(() => database.close())

  it.each([
    [undefined, 50],
    [idOf('u2'), 50],
    [idOf('u997'), 4],
  ])('after %s reads itself, and not the organization', async (after, length) => {
    await database.knex.transaction(async (trx) => {
      const before = await tuplesRead(trx)
      const page = await createUserPages(trx).page(newcomer, after, 50)
      expect(page).toHaveLength(length)
      // Some more at the end of an index that has grown, when the statement is planned.
      expect((await tuplesRead(trx)) - before).toBeLessThanOrEqual(100)
    })
  })
})
