import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Database } from '../../src/db/database.ts'
import { StoreRefusal, type Users } from '../../src/users/user-directory.ts'
import { buildUser } from '../import/builders.ts'
import { addOrganization } from '../import/database-users.ts'
import { openTestDatabase } from '../support/database.ts'
import { chunkOf, newImport, receiptsIn, writerOf } from '../support/receipt-store.ts'

describe('a batch whose COMMIT fails', () => {
  let database: Database
  let organizationId: number

  beforeAll(async () => {
    database = await openTestDatabase()
    await database.knex.raw('create sequence commits')
  })
  beforeEach(async () => {
    organizationId = await addOrganization(database.knex)
  })
  afterEach(async () => {
    await database.knex.raw('drop trigger if exists late on users')
  })
  afterAll(() => database.close())

  /** From now on the first `times` transactions that insert a user fail in their COMMIT. */
  async function failing(sqlstate: string, times: number): Promise<void> {
    await database.knex.raw('alter sequence commits restart')
    await database.knex.raw(`
      create or replace function refuse_late() returns trigger language plpgsql as $$ begin
        if nextval('commits') <= ${times} then raise exception 'too late' using errcode = '${sqlstate}'; end if;
        return null;
      end $$`)
    await database.knex.raw(`
      create constraint trigger late after insert on users deferrable initially deferred
      for each row execute function refuse_late()`)
  }

  const countOf = async (table: string): Promise<unknown> =>
    (await database.knex(table).where({ organization_id: organizationId }).count('* as rows').first())?.[
      'rows'
    ]

  async function storing(): Promise<number> {
    let attempts = 0
    const user = buildUser()
    const { store } = await writerOf(receiptsIn(database.knex), newImport(organizationId))
    const { attempt } = await store.save(async (users: Users) => {
      attempts += 1
      await users.insert([user])
      return { record: chunkOf('stored'), attempt: attempts }
    })
    return attempt
  }

  it('is never taken for one that succeeded', async () => {
    await failing('23514', Number.MAX_SAFE_INTEGER)
    await expect(storing()).rejects.toBeInstanceOf(StoreRefusal)
    expect([await countOf('users'), await countOf('import_chunks')]).toEqual(['0', '0'])
  })

  it('is never taken for one that succeeded where others are in the way every time', async () => {
    await failing('40001', Number.MAX_SAFE_INTEGER)
    await expect(storing()).rejects.toMatchObject({ code: 'database.unreachable' })
    expect([await countOf('users'), await countOf('import_chunks')]).toEqual(['0', '0'])
  })

  it.each(['40001', '53100', '57014'])(
    'by %s is stored again, from its beginning, and once',
    async (state) => {
      await failing(state, 2)
      expect(await storing()).toBe(3)
      expect([await countOf('users'), await countOf('import_chunks')]).toEqual(['1', '1'])
    },
  )
})
