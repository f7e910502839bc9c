import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createWrongAttempts, forgetWrongAttempts } from '../../src/db/wrong-attempts.ts'
import { newPlace, type Place } from '../support/database.ts'
import { PATIENCE, until } from '../support/until.ts'

const onServer = process.env['TEST_DATABASE_URL'] ? it : it.skip

describe('wrong attempts', () => {
  let place: Place
  let database: Database
  let other: Database
  let troubles: unknown[] = []

  const countingOn = ({ knex }: Database, changes = {}) =>
    createWrongAttempts({ knex, onFailure: (error) => void troubles.push(error), allowed: 3, ...changes })

  beforeAll(async () => {
    place = await newPlace()
    database = await openDatabase(place.settings)
    await migrate(database.knex)
    // Embedded, there is but one process.
    other = place.settings.kind === 'embedded' ? database : await openDatabase(place.settings)
  })
  afterAll(async () => {
    if (other !== database) await other.close()
    await database.close()
    await place.remove()
  })

  it('are counted over all processes together', async () => {
    troubles = []
    const [here, there] = [countingOn(database), countingOn(other)]
    expect(await here.count('a')).toBeUndefined()
    expect(await there.count('a')).toBeUndefined()
    expect(await here.count('a')).toBeUndefined()
    for (const counting of [there, here, countingOn(other)]) {
      const seconds = await counting.count('a')
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(600)
    }
    expect(await here.count('b')).toBeUndefined()
    expect(troubles).toEqual([])
  })

  it('are counted exactly where many come at once from several processes', async () => {
    const patient = { patience: PATIENCE }
    const counting = [database, other, other].map((each) => countingOn(each, patient))
    const counts = await Promise.all(
      Array.from({ length: 150 }, (_, index) => counting[index % 3]!.count('many')),
    )
    expect(counts.filter((seconds) => seconds === undefined)).toHaveLength(3)
  })

  it('count afresh when their time is over, and are forgotten', async () => {
    const counting = countingOn(database, { seconds: 1 })
    for (let attempt = 0; attempt < 3; attempt += 1) await counting.count('short')
    const seconds = await counting.count('short')
    // A slow machine may have let the time pass already.
    expect(seconds ?? 1).toBe(1)
    await countingOn(database).count('long')
    await setTimeout(1_100)
    expect(await counting.count('short')).toBeUndefined()
    await setTimeout(1_100)
    await forgetWrongAttempts(database.knex)
    const keys = await database.knex('wrong_attempts').whereIn('key', ['short', 'long']).pluck('key')
    expect(keys).toEqual(['long'])
  })

  it('that can not be counted are told, and nobody is refused for it', async () => {
    troubles = []
    const counting = countingOn(database)
    await database.knex.raw('alter table wrong_attempts rename to elsewhere')
    try {
      for (let attempt = 0; attempt < 5; attempt += 1) expect(await counting.count('c')).toBeUndefined()
    } finally {
      await database.knex.raw('alter table elsewhere rename to wrong_attempts')
    }
    expect(troubles).toHaveLength(5)
    expect(await counting.count('c')).toBeUndefined()
  })

  onServer('take one connection, and nobody’s time, while their table is locked', async () => {
    const counting = countingOn(database)
    const trx = await other.knex.transaction()
    let counts: Promise<(number | undefined)[]>
    try {
      await trx.raw('lock table wrong_attempts')
      counts = Promise.all(Array.from({ length: 500 }, () => counting.count('d')))
      expect(await counts).toEqual(Array<undefined>(500).fill(undefined))
      const waiting = async (): Promise<number> => {
        const { rows } = await trx.raw<{ rows: unknown[] }>(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return rows.length
      }
      await until(async () => (await waiting()) > 0)
      expect(await waiting()).toBe(1)
    } finally {
      await trx.rollback()
    }
    // What waited is counted when the lock is gone.
    await until(async () => ((await counting.count('d')) ?? 0) > 0)
  })
})
