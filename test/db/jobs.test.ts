import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import { TurnQueue } from '../../src/db/queue.ts'
import { inTransaction } from '../../src/db/transaction.ts'
import type { Database } from '../../src/db/database.ts'
import { stopping } from '../../src/receipts/running-imports.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  claimed,
  csvOf,
  forgetAll,
  jobProcess,
  leftOf,
  receiptIn,
  resultIn,
  runAll,
  submitCsv,
  type JobProcess,
} from '../support/jobs.ts'
import { chunkOf, plainForm } from '../support/receipt-store.ts'

let database: Database
let knex: Knex
let one: JobProcess
let two: JobProcess

beforeAll(async () => {
  database = await openTestDatabase()
  knex = database.knex
  await knex.raw(`insert into organizations (slug) values ('first'), ('second'), ('third')`)
})
beforeEach(async () => {
  await forgetAll(knex)
  await knex('pgboss.job').delete()
  one = jobProcess(knex)
  two = jobProcess(knex)
})
afterAll(() => database.close())

/** The pause before another attempt is over. */
const makeDue = (): Promise<unknown> => knex.raw('update import_jobs set not_before = clock_timestamp()')

/** As the heartbeat does with the jobs of processes that died. */
const bury = (id: string): Promise<unknown> =>
  knex.raw(`update imports set state = 'waiting', process_id = null where id = ? and state = 'running'`, [id])

/** The next claim, whatever was lost and however long the pause. */
async function claimAgain(process: JobProcess) {
  await makeDue()
  await process.jobs.remind()
  return claimed(process)
}

describe('the line of organizations', () => {
  it('gives nobody a job where there is none', async () => {
    expect(await one.jobs.claim()).toBeUndefined()
  })

  it('gives each job of an organization once, in order, and the next only when the last has ended', async () => {
    const ids: string[] = []
    for (let count = 0; count < 4; count += 1) ids.push(await submitCsv(one, 1, csvOf(`u${count}`)))
    const job = await claimed(one)
    expect(job.receipt).toMatchObject({ id: ids[0], state: 'running', chunks: 0 })
    expect(await two.jobs.claim()).toBeUndefined()
    await two.jobs.remind()
    expect(await two.jobs.claim()).toBeUndefined()
    await one.run(job)
    expect(await runAll(two)).toEqual(ids.slice(1))
    expect(await knex('users').pluck('email')).toHaveLength(4)
  })

  it('lets another organization go before the second of five hundred jobs', async () => {
    const many = Array.from({ length: 500 }, (_, index) => `many-${index}`)
    await submitCsv(one, 1, csvOf('first'))
    await knex.raw(
      `insert into imports (organization_id, id, state, mode, caller, request, form)
       select 1, unnest(?::text[]), 'waiting', 'each', 'nobody', '{}', ?`,
      [many, JSON.stringify(plainForm)],
    )
    await knex.raw(
      `insert into import_jobs (organization_id, import_id, recipient, instructions, queued_at)
       select 1, unnest(?::text[]), 'anna@example.org', '{}', now()`,
      [many],
    )
    const other = await submitCsv(one, 2, csvOf('other'))
    const third = await submitCsv(one, 3, csvOf('third'))
    await one.run(await claimed(one))
    expect((await claimed(one)).receipt.id).toBe(other)
    expect((await claimed(one)).receipt.id).toBe(third)
    expect((await claimed(one)).receipt.organizationId).toBe(1)
    expect(await one.jobs.claim()).toBeUndefined()
  })

  it('never gives a job twice, nor two of one organization at once, to many who ask at once', async () => {
    const ids: string[] = []
    for (let count = 0; count < 30; count += 1) {
      ids.push(await submitCsv(one, (count % 3) + 1, csvOf(`u${count}`)))
    }
    const atWork = new Set<number>()
    const seen: string[] = []
    const work = async (process: JobProcess): Promise<void> => {
      while (seen.length < ids.length) {
        const job = await process.jobs.claim()
        if (job === undefined) {
          await process.jobs.remind()
          continue
        }
        const { id, organizationId } = job.receipt
        expect(atWork).not.toContain(organizationId)
        atWork.add(organizationId)
        seen.push(id)
        // It is seen to end before the database says so to others.
        const ending = {
          ...job,
          writer: { ...job.writer, finish: finishing(job.writer, atWork, organizationId) },
        }
        await process.run(ending)
      }
    }
    await Promise.all(Array.from({ length: 6 }, () => work(jobProcess(knex))))
    expect([...seen].sort()).toEqual([...ids].sort())
    expect(await knex('users').pluck('email')).toHaveLength(30)
    expect(await knex('letters').pluck('kind')).toEqual(ids.map(() => 'finished'))
    for (const organization of [1, 2, 3]) {
      const own = ids.filter((_, index) => (index % 3) + 1 === organization)
      expect(seen.filter((id) => own.includes(id))).toEqual(own)
    }
  })

  it('is mended by a reminder where an entry was taken while the job was not yet to be seen', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'))
    await inTransaction(knex, (trx) => new TurnQueue(knex).next(trx))
    expect(await two.jobs.claim()).toBeUndefined()
    await two.jobs.remind()
    expect((await claimed(two)).receipt.id).toBe(id)
  })

  it('holds an organization once, however often it is put into it', async () => {
    await submitCsv(one, 1, csvOf('anna'))
    await submitCsv(one, 2, csvOf('anna'))
    for (let count = 0; count < 5; count += 1) await one.jobs.remind()
    expect(await knex('pgboss.job').select('id')).toHaveLength(2)
  })

  it('is as it was where the claim was cut off after the entry was taken', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'))
    const queue = new TurnQueue(knex)
    await inTransaction(
      knex,
      (trx) => queue.next(trx),
      () => false,
    )
    expect((await claimed(two)).receipt).toMatchObject({ id, job: { attempts: 1 } })
  })

  it('forgets an organization whose only job was stopped while it waited', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'))
    await two.receipts.requestStop({ organizationId: 1, id })
    expect(await receiptIn(one, 1, id)).toMatchObject({
      state: 'aborted',
      reason: { code: 'import.stopped' },
    })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['stopped'] })
    expect(await one.jobs.claim()).toBeUndefined()
    expect(await knex('pgboss.job').select('id')).toEqual([])
  })
})

/** Ends as the writer does, but is first noted as ended. */
function finishing(
  writer: Awaited<ReturnType<typeof claimed>>['writer'],
  atWork: Set<number>,
  organizationId: number,
): typeof writer.finish {
  return (ending) => {
    atWork.delete(organizationId)
    return writer.finish(ending)
  }
}

describe('a worker whose job was claimed by another', () => {
  it('writes nothing: no chunk, no end, no refusal', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'))
    const old = await claimed(one)
    await bury(id)
    const now = await claimAgain(two)
    expect(now.receipt.id).toBe(id)
    const save = old.writer.store.save(() => Promise.resolve({ record: chunkOf('anna') }))
    await expect(save).rejects.toMatchObject({ code: 'import.lost' })
    await old.writer.refuse()
    await old.writer.uploaded({ bytes: 1, sha256: 'x' })
    await expect(old.writer.finish({ upload: now.receipt.upload!, answerDigest: 'x' })).rejects.toMatchObject(
      {
        code: 'import.lost',
      },
    )
    for (const code of ['import.stopped', 'internal', 'service.stopping', 'upload.too_many_rows'])
      await old.writer.abort({ code, detail: 'Whatever.' })
    expect(await receiptIn(two, 1, id)).toEqual({
      ...now.receipt,
      job: expect.objectContaining({ trouble: undefined }),
    })
    expect(await leftOf(knex, id)).toEqual({ pieces: 1, letters: [] })
    await two.run(now)
    expect(await receiptIn(two, 1, id)).toMatchObject({ state: 'finished', counts: { created: 1 } })
  })

  it('may run to its end and changes nothing of what the other has come to', async () => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol'))
    const old = await claimed(one)
    await bury(id)
    await two.run(await claimAgain(two))
    const before = await receiptIn(two, 1, id)
    const users = await knex('users').select('*').orderBy('email')
    await one.run(old)
    expect(await receiptIn(two, 1, id)).toEqual(before)
    expect(await knex('users').select('*').orderBy('email')).toEqual(users)
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['finished'] })
    expect(one.running.ids).toEqual([])
  })

  it.each(['strict', 'dryRun'] as const)('in a %s import neither', async (mode) => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol'), { mode })
    const old = await claimed(one)
    await bury(id)
    const now = await claimAgain(two)
    await one.run(old)
    expect(await receiptIn(two, 1, id)).toMatchObject({ state: 'running', chunks: 0, refused: false })
    expect(await knex('users').select('id')).toEqual([])
    await two.run(now)
    expect(await receiptIn(two, 1, id)).toMatchObject({ state: 'finished', chunks: 2 })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['finished'] })
  })

  it('is given no job of its own again as long as it still runs it', async () => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol'))
    const old = await claimed(one)
    await bury(id)
    await makeDue()
    await one.jobs.remind()
    expect(await one.jobs.claim()).toBeUndefined()
    await one.run(old)
    await one.jobs.remind()
    const again = await claimed(one)
    expect(one.running.ids).toEqual([id])
    await one.run(again)
    expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'finished', counts: { created: 3 } })
  })
})

describe('attempts', () => {
  it('end with the fifth that gets nowhere, with a reason that helps, a letter, and nothing left', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'))
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const job = await claimAgain(one)
      expect(job.receipt.job?.attempts).toBe(attempt)
      await bury(id)
      one.running.remove(id)
    }
    await makeDue()
    await one.jobs.remind()
    expect(await one.jobs.claim()).toBeUndefined()
    const receipt = await receiptIn(one, 1, id)
    expect(receipt).toMatchObject({ state: 'failed', reason: { code: 'job.exhausted' } })
    expect(receipt.reason?.detail).toBe(
      'The import was tried 5 times without getting any further. The process that ran it ended each time before it ' +
        'got any further. Send the import again.',
    )
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['failed'] })
  })

  it('that are used up let the next job of the organization have its turn', async () => {
    const bad = await submitCsv(one, 1, csvOf('anna'))
    const good = await submitCsv(one, 1, csvOf('bob'))
    await knex('import_jobs').where({ import_id: bad }).update({ attempts: 5 })
    expect(await runAll(one)).toEqual([good])
    expect(await receiptIn(one, 1, bad)).toMatchObject({ state: 'failed' })
  })

  it('go on for ever where each gets a little further', async () => {
    const people = Array.from({ length: 20 }, (_, index) => `u${index}`)
    const id = await submitCsv(one, 1, csvOf(...people))
    for (let chunks = 0; chunks < 9; chunks += 1) {
      const job = await claimAgain(one)
      expect(job.receipt).toMatchObject({ chunks, job: { attempts: 1 } })
      await one.run(stoppedAfterOne(one, job))
      expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'waiting', chunks: chunks + 1 })
    }
    await one.run(await claimAgain(one))
    expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'finished', counts: { created: 20 } })
    const clean = await submitCsv(one, 2, csvOf(...people))
    await runAll(one)
    const ids = /[\w-]{36}/g
    expect((await resultIn(one, 1, id)).replace(ids, '')).toBe(
      (await resultIn(one, 2, clean)).replace(ids, ''),
    )
  })

  it('have growing pauses between them, in which other jobs of the organization go on', async () => {
    const bad = await submitCsv(one, 1, csvOf('anna'), { instructions: '{' })
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      const job = await claimAgain(one)
      const [before] = await knex.select<{ now: Date }[]>(knex.raw('clock_timestamp() as now'))
      await one.run(job)
      const [row] = await knex('import_jobs')
        .where({ import_id: bad })
        .select<{ not_before: Date }[]>('not_before')
      const pause = row!.not_before.getTime() - before!.now.getTime()
      expect(pause).toBeGreaterThanOrEqual(5_000 * 2 ** (attempt - 1))
      await knex.raw(`update import_jobs set not_before = clock_timestamp() + interval '1 hour'`)
      expect(await one.jobs.claim()).toBeUndefined()
      await one.jobs.remind()
      expect(await one.jobs.claim()).toBeUndefined()
    }
    const good = await submitCsv(one, 1, csvOf('bob'))
    expect(await runAll(one)).toEqual([good])
  })

  it('that a mistake of ours ended are tried again, and then the job has failed and says so', async () => {
    const id = await submitCsv(one, 1, csvOf('anna'), { instructions: '{' })
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'waiting' })
      await one.run(await claimAgain(one))
    }
    const receipt = await receiptIn(one, 1, id)
    expect(receipt).toMatchObject({ state: 'failed', reason: { code: 'job.exhausted' } })
    expect(receipt.reason?.detail).toMatch(/tried 5 times.*Something went wrong on our side/)
    expect(receipt.reason?.detail).not.toMatch(/JSON|SyntaxError|position/)
    expect(one.failures).toHaveLength(5)
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['failed'] })
    expect(one.running.ids).toEqual([])
  })

  it('are not counted where the process stops', async () => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol'))
    for (let count = 0; count < 8; count += 1) {
      const job = await claimed(one)
      one.running.stopAll()
      await one.run(job)
      expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'waiting', job: { attempts: 0 } })
    }
    expect(await runAll(two)).toEqual([id])
    expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'finished', counts: { created: 3 } })
  })
})

/** The process that runs it stops when it has stored one more chunk. */
function stoppedAfterOne({ running }: JobProcess, job: Awaited<ReturnType<typeof claimed>>): typeof job {
  const { writer } = job
  const store: typeof writer.store = {
    save: async (work) => {
      const batch = await writer.store.save(work)
      running.stop(writer.id, stopping())
      return batch
    },
  }
  return { ...job, writer: { ...writer, store } }
}

describe('a job that can never be done', () => {
  it('fails at once where it has more rows than it may', async () => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol'), { limits: { maxRows: 2 } })
    expect(await runAll(one)).toEqual([id])
    expect(await receiptIn(one, 1, id)).toMatchObject({
      state: 'failed',
      reason: { code: 'upload.too_many_rows' },
    })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['failed'] })
  })

  it('fails at once where its organization was deleted', async () => {
    const id = await submitCsv(one, 77, csvOf('anna'))
    expect(await runAll(one)).toEqual([id])
    expect(await receiptIn(one, 77, id)).toMatchObject({
      state: 'failed',
      reason: { code: 'organization.unknown' },
    })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['failed'] })
  })

  it('never passes for whole where a piece of its payload is missing', async () => {
    const lines = csvOf('anna', 'bob', 'carol', 'dora')
    const id = await submitCsv(one, 1, lines)
    await knex('import_payloads').delete()
    for (const [number, text] of [lines.slice(0, 40), lines.slice(40, 80), lines.slice(80)].entries()) {
      if (number === 1) continue
      const bytes = Buffer.from(text)
      await knex('import_payloads').insert({ organization_id: 1, import_id: id, number, bytes })
    }
    await one.run(await claimed(one))
    expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'waiting' })
    expect(one.failures).toHaveLength(1)
  })

  it.each(['first', 'last'])('never passes for whole where the %s piece is gone', async (which) => {
    const lines = csvOf('anna', 'bob', 'carol', 'dora')
    const id = await submitCsv(one, 1, lines)
    await knex('import_payloads').delete()
    if (which === 'last') {
      const bytes = Buffer.from(lines.slice(0, 60))
      await knex('import_payloads').insert({ organization_id: 1, import_id: id, number: 0, bytes })
    }
    await one.run(await claimed(one))
    expect((await receiptIn(one, 1, id)).state).not.toBe('finished')
  })
})

describe('a job that was asked to stop', () => {
  it('ends after its batch, and has its letter and its rows', async () => {
    const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol', 'dora'))
    const job = await claimed(one)
    await two.receipts.requestStop({ organizationId: 1, id })
    await one.run(job)
    expect(await receiptIn(one, 1, id)).toMatchObject({
      state: 'aborted',
      reason: { code: 'import.stopped' },
      counts: { created: 2 },
    })
    expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['stopped'] })
  })

  it.each(['each', 'strict', 'dryRun'] as const)(
    'is not begun again where its worker died before it stopped, mode %s',
    async (mode) => {
      const id = await submitCsv(one, 1, csvOf('anna', 'bob', 'carol', 'dora'), { mode })
      const next = await submitCsv(one, 1, csvOf('emil'))
      await claimed(one)
      await two.receipts.requestStop({ organizationId: 1, id })
      await bury(id)
      await two.jobs.remind()
      expect(await runAll(two)).toEqual([next])
      expect(await receiptIn(two, 1, id)).toMatchObject({
        state: 'aborted',
        reason: { code: 'import.stopped' },
        counts: { created: 0 },
      })
      expect(await leftOf(knex, id)).toEqual({ pieces: 0, letters: ['stopped'] })
    },
  )
})

describe('a strict import or dry run whose worker was killed', () => {
  it.each(['strict', 'dryRun'] as const)(
    'while it stored that it is refused begins again, mode %s',
    async (mode) => {
      const csv = csvOf('anna', 'not an address', 'bob', 'carol', 'dora')
      const id = await submitCsv(one, 1, csv, { mode })
      await one.run(stoppedAfterOne(one, await claimed(one)))
      expect(await receiptIn(one, 1, id)).toMatchObject({ state: 'waiting', chunks: 1 })
      const job = await claimed(two)
      expect(job.receipt).toMatchObject({ chunks: 0, refused: false, counts: { invalid: 0, created: 0 } })
      await two.run(job)
      const receipt = await receiptIn(two, 1, id)
      expect(receipt).toMatchObject({ state: 'finished', refused: mode === 'strict', chunks: 3 })
      expect(receipt.counts).toMatchObject({ created: 4, invalid: 1 })
      expect((await resultIn(two, 1, id)).trimEnd().split('\n')).toHaveLength(5)
      expect(await knex('import_chunks').select('number')).toHaveLength(3)
      expect(await knex('users').select('id')).toEqual([])
    },
  )
})
