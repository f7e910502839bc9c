import { openTestDatabase } from '../support/database.ts'
import { chunkOf, newImport, receiptsIn, writerOf } from '../support/receipt-store.ts'
import { batchStoreContract } from './batch-store.contract.ts'
import { usersInDatabase } from './users-in-database.ts'

batchStoreContract('in the database', async () => {
  const database = await openTestDatabase()
  const { knex } = database
  const receipts = receiptsIn(knex)
  return {
    ...usersInDatabase(knex),
    save: async (organizationId, work) => {
      const { store } = await writerOf(receipts, newImport(organizationId))
      const saved = await store.save(async (users) => ({ result: await work(users), record: chunkOf('x') }))
      return saved.result
    },
    records: async () => {
      const [counted] = await knex('import_chunks').count({ chunks: '*' })
      return Number(counted?.['chunks'])
    },
    close: () => database.close(),
  }
})

batchStoreContract('in the database, within one transaction', async () => {
  const database = await openTestDatabase()
  const { knex } = database
  const receipts = receiptsIn(knex)
  let records = 0
  return {
    ...usersInDatabase(knex),
    save: async (organizationId, work) => {
      const writer = await writerOf(receipts, newImport(organizationId, { mode: 'strict' }))
      const results: Awaited<ReturnType<typeof work>>[] = []
      await writer.inOne<string>(
        async (store) => {
          const { result } = await store.save(async (users) => ({ result: await work(users), record: 'x' }))
          results.push(result)
          return {
            chunks: noChunks(),
            ending: () => ({ upload: { bytes: 0, sha256: '' }, answerDigest: '' }),
          }
        },
        () => {
          records += 1
          return Promise.resolve()
        },
      )
      return results[0]!
    },
    records: () => Promise.resolve(records),
    close: () => database.close(),
  }
})

async function* noChunks(): AsyncGenerator<never> {
  // An import without rows has none.
}
