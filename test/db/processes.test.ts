import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import type { Database } from '../../src/db/database.ts'
import { beat, register } from '../../src/db/processes.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  bytesOf,
  claimed,
  csvOf,
  digestOf,
  forgetAll,
  jobProcess,
  leftOf,
  receiptIn,
  runAll,
  submitCsv,
  wantedCsv,
  type JobProcess,
} from '../support/jobs.ts'
import { newImport } from '../support/receipt-store.ts'

let database: Database
let knex: Knex
let one: JobProcess
let two: JobProcess

beforeAll(async () => {
  database = await openTestDatabase()
  knex = database.knex
  await knex.raw(`insert into organizations (slug) values ('first'), ('second')`)
})
beforeEach(async () => {
  await forgetAll(knex)
  await knex('processes').delete()
  await knex('pgboss.job').delete()
  one = jobProcess(knex)
  two = jobProcess(knex)
})
afterAll(() => database.close())

const beatOf = ({ processId, running }: JobProcess, alone = false): Promise<void> =>
  beat({ heartbeat: knex, knex, processId, running, alone })

const later = (): Promise<unknown> =>
  knex.raw(`update imports set claimed_at = claimed_at - interval '1 hour' where state = 'running'`)

/** An import that takes an upload which never ends, for a worker or for whoever waits. */
async function arriving({ jobs, receipts }: JobProcess, isJob: boolean): Promise<string> {
  const opened = await receipts.open(isJob ? wantedCsv(2) : newImport(2))
  if (opened.kind === 'known') throw new Error('It is new')
  const { id } = opened.writer
  if (isJob) {
    const payload = jobs.receiving({ organizationId: 2, id })
    for await (const bytes of bytesOf(csvOf('anna'))) await payload.write(bytes)
    await payload.end()
  }
  return id
}

describe('what a process that died leaves behind', () => {
  it('is a job that waits again, and uploads that are aborted without a payload or a letter', async () => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol'))
    await register(knex, one.processId)
    await claimed(one)
    const uploads = [await arriving(one, true), await arriving(one, false)]
    expect(await leftOf(knex, uploads[0]!)).toEqual({ pieces: 1, letters: [] })
    await knex('processes').where({ id: one.processId }).delete()
    await beatOf(two)
    expect(await receiptIn(two, 1, id)).toMatchObject({
      state: 'waiting',
      reason: undefined,
      job: { attempts: 1 },
    })
    expect(await leftOf(knex, id)).toEqual({ pieces: 1, letters: [] })
    for (const upload of uploads) {
      expect(await receiptIn(two, 2, upload)).toMatchObject({
        state: 'aborted',
        reason: { code: 'process.died' },
      })
      expect(await leftOf(knex, upload)).toEqual({ pieces: 0, letters: [] })
    }
    await two.jobs.remind()
    expect(await runAll(two)).toEqual([id])
    expect(await receiptIn(two, 1, id)).toMatchObject({ state: 'finished', job: { attempts: 2 } })
  })

  it('that is an upload takes nothing more, should the process wake', async () => {
    const id = await arriving(one, true)
    await beatOf(two)
    const place = { organizationId: 2, id }
    const payload = one.jobs.receiving(place)
    await payload.write(Buffer.from('more'))
    await expect(payload.end()).rejects.toMatchObject({ code: 'import.lost' })
    await expect(one.jobs.queue(place, digestOf('more'), 1)).rejects.toMatchObject({ code: 'import.lost' })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: [] })
    expect(await one.jobs.claim()).toBeUndefined()
  })
})

describe('a heartbeat', () => {
  it('leaves alone what runs here, and what others do who live', async () => {
    const ids = [await submitCsv(one, 1, csvOf('anna')), await submitCsv(one, 2, csvOf('anna'))]
    await register(knex, one.processId)
    await register(knex, two.processId)
    await claimed(one)
    await claimed(two)
    await later()
    await beatOf(one)
    await beatOf(two)
    for (const [index, id] of ids.entries())
      expect(await receiptIn(one, index + 1, id)).toMatchObject({ state: 'running' })
  })

  it('gives a job back of which this process knows no more, since its last word was lost', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'))
    await claimed(one)
    one.running.remove(id)
    await beatOf(one)
    expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'running' })
    await later()
    await beatOf(one)
    expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'waiting' })
  })

  it('passes on that a job is asked to stop in another process', async () => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol'))
    const job = await claimed(one)
    await two.receipts.requestStop({ organizationId: 1, id })
    expect(job.writer.signal.aborted).toBe(false)
    await beatOf(one)
    expect(job.writer.signal.reason).toMatchObject({ code: 'import.stopped' })
    await one.run(job)
    expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'aborted', counts: { created: 0 } })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['stopped'] })
  })
})

describe('an upload for a worker', () => {
  it('is handed over once, however often that is said, and not at all when it was given up', async () => {
    const id = await arriving(one, true)
    const place = { organizationId: 2, id }
    const upload = digestOf(csvOf('anna'))
    await one.jobs.queue(place, upload, 1)
    await one.jobs.queue(place, upload, 1)
    expect(await runAll(two)).toEqual([id])
    await one.jobs.queue(place, upload, 1)
    expect(await runAll(two)).toEqual([])
    expect(await receiptIn(two, 2, id)).toMatchObject({ state: 'finished', counts: { created: 1 } })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['finished'] })
  })

  it('keeps each piece once, and none of an import that has ended', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'))
    const writer = one.jobs.receiving({ organizationId: 1, id })
    await writer.write(Buffer.alloc(10))
    await expect(writer.end()).rejects.toMatchObject({ code: 'import.lost' })
    expect(await leftOf(knex, id)).toMatchObject({ pieces: 1 })
  })
})
