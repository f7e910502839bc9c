import { MemoryDirectory } from '../import/memory-directory.ts'
import { batchStoreContract, type Subject } from './batch-store.contract.ts'

let organizations = 0

function usersInMemory(directory: MemoryDirectory) {
  return {
    newOrganization: () => Promise.resolve((organizations += 1)),
    write: (organizationId, users) => {
      users.forEach((user) => directory.usersOf(organizationId).set(user.id, user))
      return Promise.resolve()
    },
    read: (organizationId) => Promise.resolve([...directory.usersOf(organizationId).values()]),
    refuseName: (refused, rule) => {
      directory.refuses = ({ values }) => (values.includes(refused) ? rule : undefined)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  } satisfies Partial<Subject>
}

batchStoreContract('in memory', () => {
  const directory = new MemoryDirectory()
  let records = 0
  return Promise.resolve({
    ...usersInMemory(directory),
    save: async (organizationId, work) => {
      const store = directory.store<string>(organizationId, () => {
        records += 1
      })
      const saved = await store.save(async (users) => ({ result: await work(users), record: 'a record' }))
      return saved.result
    },
    records: () => Promise.resolve(records),
  })
})

batchStoreContract('in memory, within one transaction', () => {
  const directory = new MemoryDirectory()
  let records = 0
  return Promise.resolve({
    ...usersInMemory(directory),
    save: async (organizationId, work) => {
      const results: Awaited<ReturnType<typeof work>>[] = []
      await directory.inOne<string>(organizationId, async (store) => {
        const { result } = await store.save(async (users) => ({ result: await work(users), record: '' }))
        results.push(result)
        records += 1
        return true
      })
      return results[0]!
    },
    records: () => Promise.resolve(records),
  })
})
