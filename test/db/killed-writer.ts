// Writes users one batch after the other and says of each, once that is durable, that it is stored.
import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { makeOrganizations } from '../../src/db/organizations.ts'
import { buildUser } from '../import/builders.ts'
import { chunkOf, newImport, receiptsIn, writerOf } from '../support/receipt-store.ts'

const database = await openDatabase({ kind: 'embedded', dataDir: process.argv[2] ?? '' })
await migrate(database.knex)
await makeOrganizations(database.knex, [{ slug: 'helping-hands', id: 1 }])
const { store } = await writerOf(receiptsIn(database.knex), newImport(1))
for (;;) {
  const user = buildUser()
  await store.save(async (users) => {
    await users.insert([user])
    return { record: chunkOf(user.id) }
  })
  process.stdout.write(`${user.id}\n`)
}
