import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import type { Database } from '../../src/db/database.ts'
import type { Job } from '../../src/jobs/job.ts'
import { turnOver } from '../../src/receipts/running-imports.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  claimed,
  csvOf,
  forgetAll,
  jobProcess,
  receiptIn,
  resultIn,
  runAll,
  submitCsv,
  type JobOptions,
  type JobProcess,
} from '../support/jobs.ts'

let database: Database
let knex: Knex
let process: JobProcess

beforeAll(async () => {
  database = await openTestDatabase()
  knex = database.knex
  await knex.raw(`insert into organizations (slug) values ('first'), ('second'), ('third')`)
})
beforeEach(async () => {
  await forgetAll(knex)
  await knex('pgboss.job').delete()
  process = jobProcess(knex)
})
afterAll(() => database.close())

const people = Array.from({ length: 40 }, (_, index) => `u${index}`)

/** As if that many seconds went by for all that runs and waits. */
async function pass(seconds: number): Promise<void> {
  const ago = `- make_interval(secs => ${seconds})`
  await knex.raw(`update imports set claimed_at = claimed_at ${ago}`)
  await knex.raw(`update import_jobs set queued_at = queued_at ${ago}, not_before = not_before ${ago}`)
}

/** Submits a file, of whose rows it is known how many they are. */
async function submit(
  organizationId: number,
  slugs: readonly string[] = ['anna'],
  options: JobOptions = {},
): Promise<string> {
  const id = await submitCsv(process, organizationId, csvOf(...slugs), options)
  await knex('import_jobs').where({ import_id: id }).update({ rows_total: slugs.length })
  return id
}

const otherWaits = (): Promise<string> => submit(2)

/** As if something came only in an hour, so that no time that passes here makes it long ago. */
const later = (table: string, column: string): Promise<unknown> =>
  knex.raw(`update ${table} set ${column} = clock_timestamp() + interval '1 hour'`)

/** Runs a job in batches of two; looks after each, and says that its turn is over where `look` says so. */
async function runLooking(job: Job, look: () => Promise<boolean>): Promise<void> {
  const store: typeof job.writer.store = {
    save: async (work) => {
      const saved = await job.writer.store.save(work)
      if (await look()) process.running.stop(job.receipt.id, turnOver())
      return saved
    },
  }
  await process.run({ ...job, writer: { ...job.writer, store } })
}

describe('a job that has had its turn', () => {
  it('gives way to the small job of another organization, which is no attempt, and goes on behind it', async () => {
    const id = await submit(1, people)
    const others: string[] = []
    let batches = 0
    await runLooking(await claimed(process), async () => {
      if ((batches += 1) === 3) others.push(await otherWaits())
      await pass(5)
      return (await process.jobs.overdue()) === id
    })
    expect(await receiptIn(process, 1, id)).toMatchObject({
      state: 'waiting',
      chunks: 3,
      job: { attempts: 0, trouble: undefined },
    })
    expect(await runAll(process)).toEqual([...others, id])
    expect(await receiptIn(process, 1, id)).toMatchObject({ state: 'finished', job: { attempts: 1 } })
    const clean = await submit(3, people)
    await runAll(process)
    const ids = /[\w-]{36}/g
    expect((await resultIn(process, 1, id)).replace(ids, '')).toBe(
      (await resultIn(process, 3, clean)).replace(ids, ''),
    )
  })

  it('must have added a quarter to what it had, so that reading it again does not become all it does', async () => {
    const id = await submit(1, people)
    let batches = 0
    await runLooking(await claimed(process), () => Promise.resolve((batches += 1) === 8))
    expect(await receiptIn(process, 1, id)).toMatchObject({ state: 'waiting', chunks: 8 })
    const job = await claimed(process)
    await otherWaits()
    const seen: (string | undefined)[] = []
    await runLooking(job, async () => {
      await pass(5)
      seen.push(await process.jobs.overdue())
      return false
    })
    expect(seen.slice(0, 2)).toEqual([undefined, id])
    // So little is left by then that it is done sooner.
    expect(seen.at(-1)).toBeUndefined()
  })

  it.each<[why: string, options: JobOptions, prepare: () => Promise<unknown>]>([
    ['nobody waits', {}, () => Promise.resolve()],
    ['only its own organization waits', {}, () => submit(1)],
    ['it would have to begin again', { mode: 'strict' }, otherWaits],
    [
      'another job of who waits runs',
      {},
      () =>
        otherWaits()
          .then(() => claimed(process))
          .then(otherWaits),
    ],
    ['who waits has as much to do', {}, () => submit(2, people.slice(10))],
    ['a large job comes before the small one of who waits', {}, () => submit(2, people).then(otherWaits)],
    ['it has just begun', {}, () => otherWaits().then(() => later('imports', 'claimed_at'))],
    ['who waits has just come', {}, () => otherWaits().then(() => later('import_jobs', 'queued_at'))],
  ])('goes on where %s', async (_, options, prepare) => {
    await submit(1, people, options)
    const job = await claimed(process)
    await prepare()
    await pass(5)
    // As if it had stored something, whatever its mode.
    await knex('imports').where({ id: job.receipt.id }).update({ chunks: 5 })
    expect(await process.jobs.overdue()).toBeUndefined()
  })
})
