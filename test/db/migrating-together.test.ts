import { afterEach, describe, expect, it } from '@jest/globals'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { hasTable, migrate } from '../../src/db/migrate.ts'
import { newPlace, type Place } from '../support/database.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? it.skip : it

describe('processes that start at once on an empty database', () => {
  const opened: Database[] = []
  let place: Place | undefined

  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close()
    await place?.remove()
  })

  onServer('make its tables, the queue too, once and without getting in each other’s way', async () => {
    const { settings } = (place = await newPlace())
    opened.push(...(await Promise.all(Array.from({ length: 6 }, () => openDatabase(settings)))))
    await Promise.all(opened.map(({ knex }) => migrate(knex)))
    await Promise.all(opened.map(({ knex }) => migrate(knex)))
    const queues = await opened[0]?.knex.raw<{ rows: unknown }>('select name, policy from pgboss.queue')
    expect(queues?.rows).toEqual([{ name: 'turns', policy: 'short' }])
  })

  it('try again where imports that run already get in the way', async () => {
    const { settings } = (place = await newPlace(true))
    const database = await openDatabase(settings)
    opened.push(database)
    await database.knex.raw(`
      create sequence tries;
      create function get_in_the_way() returns event_trigger language plpgsql as $$ begin
        if nextval('tries') = 1 then raise exception using errcode = 'deadlock_detected'; end if;
      end $$;
      create event trigger tried on ddl_command_start when tag in ('CREATE TABLE') execute function get_in_the_way()`)
    await migrate(database.knex)
    expect(await hasTable(database.knex, 'letters')).toBe(true)
  })
})
