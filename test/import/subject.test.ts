import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Database } from '../../src/db/database.ts'
import type { Importer } from '../../src/users/grants.ts'
import { openTestDatabase } from '../support/database.ts'
import { buildUser, fileOf, idOf, outcomes, runImport } from './builders.ts'
import { addOrganization, databaseStores, writeUsers } from './database-users.ts'

const owner = (id: string) => buildUser({ id, email: 'own@x.org', roles: 'organization_owner' })
const second = buildUser({ roles: 'organization_owner' })
const refusal =
  'Permission error: active of your own user may only be taken away by another owner, but has FALSE'

describe('the subject of a token', () => {
  let database: Database
  let organizationId: number

  beforeAll(async () => {
    database = await openTestDatabase()
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    organizationId = await addOrganization(database.knex)
  })

  /** What becomes of a row that deactivates the user of an e-mail address, for a caller who has it too. */
  async function deactivating(subject: string): Promise<string[]> {
    const importer: Importer = { role: 'organization_owner', subject, emailKey: 'own@x.org' }
    const file = fileOf({ email: 'own@x.org', active: 'FALSE' })
    return outcomes(
      await runImport({ users: databaseStores(database.knex), organizationId, importer, ...file }),
    )
  }

  it.each([
    '',
    'anna\0',
    '\uD800',
    'auth0|anna',
    "' or 1=1 --",
    'a\u001Fb',
    'x'.repeat(3_000),
    idOf('nobody'),
  ])(
    'that no user can have as his id, such as %j, leaves it to the e-mail address who the caller is',
    async (subject) => {
      await writeUsers(database.knex, organizationId, [owner(idOf('anna')), second])
      expect(await deactivating(subject)).toEqual([refusal])
    },
  )

  it('of another organization’s user means nobody of this one', async () => {
    await writeUsers(database.knex, await addOrganization(database.knex), [owner(idOf('anna'))])
    await writeUsers(database.knex, organizationId, [owner(idOf('other')), second])
    expect(await deactivating(idOf('anna'))).toEqual([refusal])
  })

  it('that is the id of a user alone says who the caller is', async () => {
    await writeUsers(database.knex, organizationId, [owner(idOf('anna')), second])
    expect(await deactivating(second.id)).toEqual(['updated'])
  })
})
