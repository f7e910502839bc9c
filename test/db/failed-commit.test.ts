import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '../../src/db/database.ts'
import { createUserDirectory } from '../../src/db/user-directory.ts'
import { StoreRefusal } from '../../src/users/user-directory.ts'
import { buildUser } from '../import/builders.ts'
import { openTestDatabase } from '../support/database.ts'

describe('a transaction whose COMMIT fails', () => {
  let database: Database

  beforeAll(async () => {
    database = await openTestDatabase()
    await database.knex.raw(`insert into organizations (organization_id, slug) values (1, 'helping-hands')`)
    await database.knex.raw(`
      create function refuse_late() returns trigger language plpgsql as
      $$ begin raise exception 'too late' using errcode = '23514'; end $$`)
    await database.knex.raw(`
      create constraint trigger late after insert on users deferrable initially deferred
      for each row execute function refuse_late()`)
  })
  afterAll(() => database.close())

  it('is never taken for one that succeeded', async () => {
    const directory = createUserDirectory(database.knex)
    const storing = directory.transaction(1, (users) => users.insert([buildUser()]))
    await expect(storing).rejects.toBeInstanceOf(StoreRefusal)
    expect(await database.knex('users').count('* as users').first()).toEqual({ users: '0' })
  })
})
