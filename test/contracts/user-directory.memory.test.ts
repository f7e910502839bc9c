import { MemoryDirectory } from '../import/memory-directory.ts'
import { userDirectoryContract } from './user-directory.contract.ts'

let organizations = 0

userDirectoryContract('in memory', () => {
  const directory = new MemoryDirectory()
  return Promise.resolve({
    directory,
    newOrganization: () => Promise.resolve((organizations += 1)),
    write: (organizationId, users) => {
      users.forEach((user) => directory.usersOf(organizationId).set(user.id, user))
      return Promise.resolve()
    },
    read: (organizationId) => Promise.resolve([...directory.usersOf(organizationId).values()]),
    close: () => Promise.resolve(),
  })
})
