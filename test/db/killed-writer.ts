// Writes users one transaction after the other and says of each, once that is durable, that it is stored.
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { makeOrganizations } from '../../src/db/organizations.ts'
import { createUserDirectory } from '../../src/db/user-directory.ts'
import { buildUser } from '../import/builders.ts'

const database = await openDatabase({ kind: 'embedded', dataDir: process.argv[2] ?? '' })
await migrate(database.knex)
await makeOrganizations(database.knex, [{ slug: 'helping-hands', id: 1 }])
const users = createUserDirectory(database.knex)
for (;;) {
  const user = buildUser()
  await users.transaction(1, (store) => store.insert([user]))
  process.stdout.write(`${user.id}\n`)
}
