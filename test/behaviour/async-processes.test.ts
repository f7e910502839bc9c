import knex, { type Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { hasEnded, jobOf, untilJob, uploadLater, type JobJson } from '../support/async.ts'
import { forgetAll } from '../support/jobs.ts'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { newPlace, type Place } from '../support/database.ts'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { idOf, newest, resultOf, type Asked } from '../support/receipts.ts'
import { until } from '../support/until.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

const ROWS = 40_000
const body = numberedHeader + numbered(0, ROWS)
const claims = {}

const processes: ServiceProcess[] = []
afterEach(async () => {
  for (const one of processes.splice(0)) {
    one.child.kill('SIGCONT')
    await one.kill()
  }
})

function start(env: Readonly<Record<string, string>>, duties: 'web' | 'worker' | 'both'): ServiceProcess {
  const one = startProcess({ ...env, ORGANIZATIONS: 'helping-hands:1' }, 'src/main.ts', [duties])
  processes.push(one)
  return one
}

/** The door: its caller has a user, so that he can be written to. */
async function startWeb(env: Readonly<Record<string, string>>, duties: 'web' | 'both' = 'web') {
  const one = start(env, duties)
  const token = await one.token()
  const port = Number(new URL(await one.url()).port)
  return { process: one, port, token: () => Promise.resolve(token) }
}

async function startWorker(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const one = start(env, 'worker')
  await one.ready()
  return one
}

/** The token that the service prints has no address, and its subject is no user's id. */
const withUser = async (direct: Knex): Promise<void> => {
  await direct.raw(
    `insert into users (organization_id, id, email, email_key, status, active, roles)
     values (1, 'local-owner', 'owner@example.com', 'owner@example.com', 'active', true, '{organization_owner}')`,
  )
}

// However busy the machine is.
jest.setTimeout(400_000)

const rowsDone = ({ progress }: JobJson): number => progress?.rowsDone ?? 0

/**
 * Keeps whoever runs an import from storing its chunks from a number on. Nothing fails: they wait until they are let go.
 *
 * @returns what lets them go on
 */
async function holdChunks(direct: Knex, from: number): Promise<() => Promise<void>> {
  const lock = 4_711
  await direct.raw(`
    create or replace function wait_for_chunk() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock_shared(${lock}); return new; end $$`)
  await direct.raw(`
    create or replace trigger waits before insert on import_chunks
      for each row when (new.number >= ${from}) execute function wait_for_chunk()`)
  const holder = await direct.transaction()
  await holder.raw(`select pg_advisory_xact_lock(${lock})`)
  return async () => {
    await holder.commit()
  }
}

onServer('several processes on one database', () => {
  let place: Place
  let direct: Knex

  beforeAll(async () => {
    place = await newPlace()
    direct = knex({ client: 'pg', connection: place.env['DATABASE_URL']!, pool: { min: 0, max: 2 } })
  })
  afterAll(async () => {
    await direct.destroy()
    await place.remove()
  })

  async function expectWhole(service: Asked, id: string, rows = ROWS): Promise<void> {
    expect(await jobOf(service, id)).toMatchObject({
      state: 'finished',
      counts: { rows, created: rows, invalid: 0 },
      letters: [{ kind: 'finished' }],
    })
    const result = rowsOf((await resultOf(service, id)).text)
    expect(result.map(({ slug }) => slug)).toEqual(Array.from({ length: rows }, (_, index) => `u-${index}`))
    expect(
      await direct('users').whereLike('id', '___________%').whereLike('slug', 'u-%').select('id'),
    ).toHaveLength(rows)
    expect(await direct('import_payloads').where({ import_id: id }).select('number')).toEqual([])
    expect(await direct('letters').where({ import_id: id }).pluck('kind')).toEqual(['finished'])
  }

  it('begin at the same moment where there are no tables yet', async () => {
    const all = [
      start(place.env, 'worker'),
      start(place.env, 'web'),
      start(place.env, 'worker'),
      start(place.env, 'both'),
    ]
    await Promise.all(all.map((one) => one.ready()))
    await withUser(direct)
  })

  it('share the work: what one takes in another does, and a door without a worker only keeps it', async () => {
    const web = await startWeb(place.env)
    const answer = await uploadLater(web, body, { claims })
    expect([answer.status, answer.text]).toEqual([202, ''])
    await setTimeout(2_500)
    expect(await jobOf(web, idOf(answer))).toMatchObject({ state: 'waiting', progress: { attempts: 0 } })
    await startWorker(place.env)
    await untilJob(web, idOf(answer))
    await expectWhole(web, idOf(answer))
  })

  it.each(['', 'strict=true'])(
    'go on where a worker was killed, and who follows the result hears of nothing, with ?%s',
    async (query) => {
      await direct('users').whereNot({ id: 'local-owner' }).delete()
      const web = await startWeb(place.env)
      const worker = await startWorker(place.env)
      const letGo = await holdChunks(direct, query === '' ? 1 : 0)
      const answer = await uploadLater(web, body, { claims, query })
      const id = idOf(answer)
      const follower = resultOf(web, id)
      await untilJob(web, id, (job) => (query === '' ? rowsDone(job) > 0 : job.state === 'running'))
      worker.child.kill('SIGKILL')
      await worker.exit
      const cut = await jobOf(web, id)
      expect(hasEnded(cut)).toBe(false)
      if (query === '') expect(rowsDone(cut)).toBeLessThan(ROWS)
      await letGo()
      await startWorker(place.env)
      const job = await untilJob(web, id)
      expect(job.progress).toMatchObject({ rowsDone: ROWS, rowsTotal: ROWS, attempts: query === '' ? 1 : 2 })
      await expectWhole(web, id)
      const followed = await follower
      expect(followed.complete).toBe(true)
      expect(followed.bytes.equals((await resultOf(web, id)).bytes)).toBe(true)
    },
  )

  it('hand a job over at once where a worker is told to stop, and count no attempt', async () => {
    await direct('users').whereNot({ id: 'local-owner' }).delete()
    const web = await startWeb(place.env)
    const worker = await startWorker(place.env)
    const letGo = await holdChunks(direct, 1)
    const answer = await uploadLater(web, body, { claims })
    const id = idOf(answer)
    await untilJob(web, id, (job) => rowsDone(job) > 0)
    worker.child.kill('SIGTERM')
    await until(() => worker.stdout().includes('"msg":"stopping"'))
    await letGo()
    expect(await worker.exit).toEqual({ code: 0, signal: null })
    const given = await jobOf(web, id)
    expect(given).toMatchObject({ state: 'waiting', progress: { attempts: 0, trouble: null } })
    expect(rowsDone(given)).toBeLessThan(ROWS)
    await startWorker(place.env)
    await untilJob(web, id)
    await expectWhole(web, id)
  })

  it('abort an upload whose door was killed while it arrived, and write to nobody', async () => {
    const web = await startWeb(place.env)
    const other = await startWeb(place.env, 'both')
    const { RawClient, headOf } = await import('../support/raw-client.ts')
    const client = await RawClient.connect(web)
    await client.write(headOf({ token: await web.token(), query: 'async=true' }))
    await client.chunk(body)
    await until(async () => (await direct('import_payloads').select('number')).length > 1)
    const [receipt] = await newest(other)
    expect(receipt!.state).toBe('running')
    web.process.child.kill('SIGKILL')
    await web.process.exit
    const job = await untilJob(other, receipt!.id)
    expect(job).toMatchObject({ state: 'aborted', reason: { code: 'process.died' }, letters: [] })
    expect(await direct('import_payloads').select('number')).toEqual([])
    client.destroy()
  })

  it('do each of many jobs once while workers are killed one after the other', async () => {
    await forgetAll(direct)
    await withUser(direct)
    const web = await startWeb(place.env)
    let worker = await startWorker(place.env)
    const steady = await startWorker(place.env)
    const ids: string[] = []
    for (let count = 0; count < 12; count += 1) {
      const part = numberedHeader + numbered(count * 3_000, (count + 1) * 3_000)
      ids.push(idOf(await uploadLater(web, part, { claims })))
    }
    for (let kill = 0; kill < 2; kill += 1) {
      await setTimeout(Math.random() * 500)
      worker.child.kill('SIGKILL')
      await worker.exit
      worker = await startWorker(place.env)
    }
    for (const id of ids) await untilJob(web, id)
    for (const id of ids) {
      expect(await jobOf(web, id)).toMatchObject({
        state: 'finished',
        counts: { rows: 3_000, created: 3_000, invalid: 0 },
        letters: [{ kind: 'finished' }],
      })
    }
    expect(await direct('users').whereNot({ id: 'local-owner' }).select('id')).toHaveLength(36_000)
    expect(await direct('letters').select('kind')).toHaveLength(ids.length)
    await steady.kill()
  })
})

onServer('a database that is restarted', () => {
  let server: PostgresServer

  beforeEach(async () => {
    server = await startPostgres()
  })
  afterEach(() => server.stop())

  it.each(['', 'strict=true'])('in the middle of a job delays it, and no more, with ?%s', async (query) => {
    const place = await newPlace()
    const env = { ...place.env, DATABASE_URL: server.url }
    const web = await startWeb(env)
    await startWorker(env)
    const direct = knex({ client: 'pg', connection: server.url, pool: { min: 0, max: 1 } })
    await withUser(direct)
    await direct.destroy()
    const answer = await uploadLater(web, body, { claims, query })
    const id = idOf(answer)
    await untilJob(web, id, (job) => (query === '' ? rowsDone(job) > 0 : job.state === 'running'))
    await server.crash()
    await setTimeout(2_000)
    const job = await untilAnswer(() => untilJob(web, id))
    expect(job).toMatchObject({
      state: 'finished',
      counts: { rows: ROWS, created: ROWS },
      letters: [{ kind: 'finished' }],
    })
    const result = rowsOf((await resultOf(web, id)).text)
    expect(result.map(({ slug }) => slug)).toEqual(Array.from({ length: ROWS }, (_, index) => `u-${index}`))
    await place.remove()
  })
})

/** A door may say 503 until it has found the database again. */
async function untilAnswer<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = 10; ; left -= 1) {
    try {
      return await ask()
    } catch (error) {
      if (left === 0 || !/^Error: 503/.test(String(error))) throw error
      await setTimeout(1_000)
    }
  }
}
