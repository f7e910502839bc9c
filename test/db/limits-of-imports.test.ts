import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '../../src/db/database.ts'
import { register } from '../../src/db/processes.ts'
import { openTestDatabase } from '../support/database.ts'
import { newImport, receiptsIn } from '../support/receipt-store.ts'

describe('the limit of imports at once', () => {
  let database: Database

  beforeAll(async () => {
    database = await openTestDatabase()
    await database.knex.raw(`insert into organizations (slug) values ('first')`)
  })
  afterAll(() => database.close())

  it('counts those of processes that live, and not those of the dead whom nobody has buried yet', async () => {
    const limits = { maxImports: 2, maxImportsPerOrganization: 2 }
    const dead = receiptsIn(database.knex, { ...limits, processId: 'dead' })
    for (let begun = 0; begun < 5; begun += 1) await dead.open(newImport(1))
    await register(database.heartbeat, 'living')
    const living = receiptsIn(database.knex, { ...limits, processId: 'living' })
    await living.open(newImport(1))
    await living.open(newImport(1))
    await expect(living.open(newImport(1))).rejects.toMatchObject({ code: 'imports.too_many' })
  })
})
