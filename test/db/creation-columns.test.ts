import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { up } from '../../migrations/20261124_member_columns.ts'
import type { Database } from '../../src/db/database.ts'
import { insertStatement } from '../../src/db/user-sql.ts'
import { usersIn } from '../../src/db/users.ts'
import { columns, columnNames, creationColumns } from '../../src/users/columns.ts'
import type { UserToStore } from '../../src/users/user-directory.ts'
import { buildUser } from '../import/builders.ts'
import { addOrganization } from '../import/database-users.ts'
import { openTestDatabase } from '../support/database.ts'

const userOf = (name: string, onCreation?: readonly string[]): UserToStore => ({
  ...buildUser({ email: `${name}@x.org`, givenName: name }),
  onCreation,
})

describe('what only the creation of a user stores', () => {
  let database: Database
  let organizationId: number

  beforeAll(async () => {
    database = await openTestDatabase()
  })

  beforeEach(async () => {
    organizationId = await addOrganization(database.knex)
  })

  afterAll(async () => {
    await database.close()
  })

  const stored = async (): Promise<Record<string, unknown>> => {
    const rows = await database.knex('users').where({ organization_id: organizationId }).orderBy('email')
    return Object.fromEntries(rows.map((row) => [row.given_name, [row.recovery_email, row.is_mfa_disabled]]))
  }

  it('is what each user of a batch says, and the default where he says nothing', async () => {
    await usersIn(database.knex, organizationId).insert([
      userOf('anna', ['anna@r.org', 'TRUE']),
      userOf('bob', ['', 'FALSE']),
      userOf('carol'),
    ])
    expect(await stored()).toEqual({ anna: ['anna@r.org', true], bob: [null, false], carol: [null, false] })
  })

  it.each([
    ['anna@r.org', 'TRUE', ['anna@r.org', true]],
    ['', 'FALSE', [null, false]],
  ])('is stored where all users of a batch say the same: %j and %s', async (email, flag, expected) => {
    const users = usersIn(database.knex, organizationId)
    await users.insert([userOf('anna', [email, flag])])
    await users.insert([userOf('bob', [email, flag]), userOf('carol', [email, flag])])
    expect(await stored()).toEqual({ anna: expected, bob: expected, carol: expected })
  })

  it('is left alone by an update, whatever that brings along', async () => {
    const anna = userOf('anna', ['anna@r.org', 'TRUE'])
    const users = usersIn(database.knex, organizationId)
    await users.insert([anna])
    const other = { ...anna, onCreation: ['other@r.org', 'FALSE'] }
    await users.update([{ user: other, changed: ['givenName', 'email', 'roles'] }])
    expect(await stored()).toEqual({ anna: ['anna@r.org', true] })
  })

  it('is not read with a user', async () => {
    const anna = userOf('anna', ['anna@r.org', 'TRUE'])
    const users = usersIn(database.knex, organizationId)
    await users.insert([anna])
    const found = await users.find({ ids: [anna.id], slugs: [], providers: [], emails: [] })
    expect(found).toEqual([{ id: anna.id, values: anna.values, keys: anna.keys }])
  })

  it('has its default for users who were there before the columns', async () => {
    await database.knex.raw('alter table users drop column recovery_email, drop column is_mfa_disabled')
    await usersIn(database.knex, organizationId).insert([userOf('anna')])
    await up(database.knex)
    expect(await stored()).toEqual({ anna: [null, false] })
  })

  it('costs the statement nothing where nobody says anything', () => {
    const { sql, parameters } = insertStatement(1, [userOf('anna'), userOf('bob')])
    for (const { database: name } of creationColumns) expect(sql).not.toContain(name)
    expect(parameters).not.toContain('')
  })

  it('is no column of an upload', () => {
    const names: readonly string[] = columnNames
    expect(columns).toHaveLength(30)
    for (const { name } of creationColumns) expect(names).not.toContain(name)
  })
})
