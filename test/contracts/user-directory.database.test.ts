import { createUserDirectory } from '../../src/db/user-directory.ts'
import { addOrganization, storedUsers, writeUsers } from '../import/database-users.ts'
import { buildUser } from '../import/builders.ts'
import { columnNames } from '../../src/users/columns.ts'
import { openTestDatabase } from '../support/database.ts'
import { userDirectoryContract } from './user-directory.contract.ts'

userDirectoryContract('in the database', async () => {
  const database = await openTestDatabase()
  const { knex } = database
  return {
    directory: createUserDirectory(knex),
    newOrganization: () => addOrganization(knex),
    write: (organizationId, users) => writeUsers(knex, organizationId, users),
    read: async (organizationId) =>
      (await storedUsers(knex, organizationId)).map((values) =>
        buildUser(Object.fromEntries(columnNames.map((name, index) => [name, values[index] ?? '']))),
      ),
    close: () => database.close(),
  }
})
