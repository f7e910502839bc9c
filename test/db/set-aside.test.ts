import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import type { Database } from '../../src/db/database.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  csvOf,
  forgetAll,
  jobProcess,
  receiptIn,
  runAll,
  submitCsv,
  type JobProcess,
} from '../support/jobs.ts'

let database: Database
let knex: Knex
let process: JobProcess
/** The jobs of which it was heard that they could not be claimed. */
let heard: { organizationId: number; id: string | undefined }[]

beforeAll(async () => {
  database = await openTestDatabase()
  knex = database.knex
  await knex.raw(`insert into organizations (slug) values ('first'), ('second'), ('third')`)
  await knex.raw(`
    create function refuse() returns trigger language plpgsql as
    $$ begin raise exception using errcode = tg_argv[0], message = 'refused'; end $$`)
})
beforeEach(async () => {
  await forgetAll(knex)
  await knex('pgboss.job').delete()
  heard = []
  process = jobProcess(knex, { onUnclaimed: (_error, job) => heard.push(job) })
})
afterAll(() => database.close())

/** Has the database refuse, from now on, whatever changes the one row of a job; gives what makes an end of it. */
async function refuse(
  table: 'imports' | 'import_jobs',
  id: string,
  { state = '23514', atCommit = false } = {},
) {
  const kind = atCommit ? 'constraint trigger refused after' : 'trigger refused before'
  const column = table === 'imports' ? 'id' : 'import_id'
  await knex.raw(`
    create ${kind} update on ${table} ${atCommit ? 'deferrable initially deferred' : ''}
      for each row when (new.${column} = '${id}') execute function refuse('${state}')`)
  return () => knex.raw(`drop trigger refused on ${table}`)
}

/** As after a few seconds. */
const remind = (): Promise<void> => process.jobs.remind()

describe('a job that can not be claimed, however often it is tried', () => {
  it.each([
    ['is refused', false],
    ['is refused by COMMIT', true],
  ])('and %s keeps up neither other organizations nor the other jobs of its own', async (_, atCommit) => {
    const broken = await submitCsv(process, 1, csvOf('anna'))
    const behind = await submitCsv(process, 1, csvOf('bob'))
    const others = [await submitCsv(process, 2, csvOf('cy')), await submitCsv(process, 3, csvOf('dora'))]
    const mend = await refuse('imports', broken, { atCommit })
    expect(await runAll(process)).toEqual(others)
    await remind()
    expect(await runAll(process)).toEqual([behind])
    expect(heard).toEqual([{ organizationId: 1, id: broken }])
    expect(process.running.ids).toEqual([])
    expect(await receiptIn(process, 1, broken)).toMatchObject({
      state: 'waiting',
      job: { attempts: 0, trouble: 'Something went wrong on our side; it has been logged.' },
    })
    await mend()
  })

  it('is tried again after as long as it has waited, five minutes at most, and is done once it can be', async () => {
    const id = await submitCsv(process, 1, csvOf('anna'))
    const mend = await refuse('imports', id)
    for (const [waited, least] of [
      [0, 5],
      [200, 200],
      [36_000, 300],
    ] as const) {
      await knex.raw(
        `update import_jobs
            set not_before = clock_timestamp(), queued_at = clock_timestamp() - make_interval(secs => ${waited})`,
      )
      await remind()
      expect(await process.jobs.claim()).toBeUndefined()
      const [row] = await knex('import_jobs').select<{ age: number; pause: number }[]>(
        knex.raw('extract(epoch from not_before - queued_at)::float8 as age'),
        knex.raw('extract(epoch from not_before - clock_timestamp())::float8 as pause'),
      )
      expect(row!.age).toBeGreaterThanOrEqual(waited + least)
      expect(row!.pause).toBeLessThanOrEqual(300)
    }
    expect(heard).toHaveLength(3)
    await mend()
    await knex.raw('update import_jobs set not_before = clock_timestamp()')
    await remind()
    expect(await runAll(process)).toEqual([id])
    expect(await receiptIn(process, 1, id)).toMatchObject({ state: 'finished', job: { attempts: 1 } })
  })

  it('keeps up no other organization either where not even that can be written', async () => {
    const broken = await submitCsv(process, 1, csvOf('anna'))
    const other = await submitCsv(process, 2, csvOf('cy'))
    const mend = await refuse('import_jobs', broken)
    expect(await runAll(process)).toEqual([other])
    await remind()
    expect(await runAll(process)).toEqual([])
    expect(heard).toEqual(Array(2).fill({ organizationId: 1, id: undefined }))
    await mend()
    await remind()
    expect(await runAll(process)).toEqual([broken])
  })

  it('is not meant where the database is in trouble, or another writer is in the way', async () => {
    const id = await submitCsv(process, 1, csvOf('anna'))
    for (const state of ['53100', '40001'])
      for (const atCommit of [false, true]) {
        const mend = await refuse('imports', id, { state, atCommit })
        await expect(process.jobs.claim()).rejects.toThrow()
        await mend()
      }
    expect(heard).toEqual([])
    expect(process.running.ids).toEqual([])
    expect(await runAll(process)).toEqual([id])
  })
})
