import type { Knex } from 'knex'
import { columnNames } from '../../src/users/columns.ts'
import { buildUser } from '../import/builders.ts'
import { addOrganization, storedUsers, writeUsers } from '../import/database-users.ts'
import type { Subject } from './batch-store.contract.ts'

/** What of a subject is the same however batches are stored in the database. */
export function usersInDatabase(
  knex: Knex,
): Pick<Subject, 'newOrganization' | 'write' | 'read' | 'refuseName'> {
  return {
    newOrganization: () => addOrganization(knex),
    write: (organizationId, users) => writeUsers(knex, organizationId, users),
    read: async (organizationId) =>
      (await storedUsers(knex, organizationId)).map((values) =>
        buildUser(Object.fromEntries(columnNames.map((name, index) => [name, values[index] ?? '']))),
      ),
    refuseName: async (name, rule) => {
      await knex.raw(`alter table users add constraint ${rule} check (name <> '${name}')`)
    },
  }
}
