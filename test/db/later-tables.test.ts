import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { newPlace, type Place } from '../support/database.ts'

let place: Place
let database: Database

beforeAll(async () => {
  place = await newPlace()
  database = await openDatabase(place.settings)
  await migrate(database.knex)
})
afterAll(async () => {
  await database.close()
  await place.remove()
})

it('refuses a database that a later version has brought up to date, and says so', async () => {
  await database
    .knex('knex_migrations')
    .insert({ name: '29990101_later', batch: 9, migration_time: new Date() })
  await expect(migrate(database.knex)).rejects.toMatchObject({
    name: 'LaterTables',
    message: expect.stringContaining('a later version (29990101_later): start that version'),
  })
})
