import knex, { type Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader, recordsOf } from '../support/csv.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  idOfBegun,
  newest,
  receiptOf,
  resultOf,
  untilReceipt,
  upload,
  type Asked,
} from '../support/receipts.ts'
import { until } from '../support/until.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

interface Started extends Asked {
  readonly process: ServiceProcess
}

const processes: ServiceProcess[] = []

async function start(place: Place): Promise<Started> {
  const process = startProcess({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
  processes.push(process)
  const token = await process.token()
  return { process, port: Number(new URL(await process.url()).port), token: () => Promise.resolve(token) }
}

async function begin(service: Asked, more = '', query?: string): Promise<RawClient> {
  const client = await RawClient.connect(service)
  await idOfBegun(service, async () => {
    await client.write(
      headOf({ token: await service.token(), more, ...(query === undefined ? {} : { query }) }),
    )
    await client.chunk(numberedHeader + numbered(0, 60))
  })
  if (query === undefined) await client.until((text) => text.includes('imported'))
  return client
}

const aborted = ({ state }: { state: string }): boolean => state === 'aborted'

afterEach(async () => {
  for (const process of processes.splice(0)) {
    process.child.kill('SIGCONT')
    await process.kill()
  }
})

describe('an import whose process was killed', () => {
  let place: Place

  beforeEach(async () => {
    place = await newPlace()
  })
  afterEach(() => place.remove())

  it('is marked aborted by the process that is started next, with a reason, a result and a free key', async () => {
    const first = await start(place)
    const client = await begin(first, 'Idempotency-Key: killed\r\n')
    const [receipt] = await newest(first)
    const strict = await begin(first, '', 'strict=true')
    first.process.child.kill('SIGKILL')
    await first.process.exit
    const second = await start(place)
    const now = await untilReceipt(second, receipt!.id, aborted)
    expect(now.reason?.code).toBe('process.died')
    expect(now.reason?.detail).toMatch(/\.$/)
    expect(now.endedAt).not.toBeNull()
    const result = await resultOf(second, receipt!.id)
    expect([result.complete, result.headers['import-state']]).toEqual([true, 'aborted'])
    const reported = client.body.text
    expect(result.text.startsWith(reported.slice(0, reported.lastIndexOf('\n') + 1))).toBe(true)
    expect(recordsOf(result.text)).toHaveLength(now.counts['rows']! + 1)
    for (const { id } of await newest(second)) await untilReceipt(second, id, aborted)
    const again = await upload(second, numberedHeader + numbered(0, 60), {
      headers: { 'Idempotency-Key': 'killed' },
    })
    expect([again.status, again.complete]).toEqual([200, true])
    client.destroy()
    strict.destroy()
  })

  it('on the embedded database is so at once', async () => {
    if (place.settings.kind !== 'embedded') return
    const first = await start(place)
    const client = await begin(first)
    first.process.child.kill('SIGKILL')
    await first.process.exit
    const second = await start(place)
    const [receipt] = await newest(second)
    expect(receipt).toMatchObject({ state: 'aborted' })
    client.destroy()
  })
})

onServer('an import whose process was killed or stopped', () => {
  let place: Place
  let database: Knex

  beforeEach(async () => {
    place = await newPlace()
    database = knex({ client: 'pg', connection: place.env['DATABASE_URL']!, pool: { min: 0, max: 1 } })
  })
  afterEach(async () => {
    await database.destroy()
    await place.remove()
  })

  it('is marked aborted soon by another process, which leaves its own alone', async () => {
    const [one, two] = [await start(place), await start(place)]
    await setTimeout(11_000)
    const lost = await begin(one)
    const [receipt] = await newest(two)
    const kept = await begin(two)
    const [other] = await newest(two)
    one.process.child.kill('SIGKILL')
    // Sooner than one that is not seen any more and still has a session.
    await untilReceipt(two, receipt!.id, aborted)
    await kept.chunk(numbered(60, 61))
    await kept.chunk('')
    await kept.until((text) => text.includes('\r\n0\r\n'))
    expect(await receiptOf(two, other!.id)).toMatchObject({ state: 'finished', counts: { rows: 61 } })
    lost.destroy()
    kept.destroy()
  })

  it('is followed in the other process until then, and the follower is broken off', async () => {
    const [one, two] = [await start(place), await start(place)]
    await setTimeout(8_000)
    const lost = await begin(one, 'Idempotency-Key: both\r\n')
    const [receipt] = await newest(two)
    let seen = ''
    const follower = resultOf(two, receipt!.id, { onData: (soFar) => (seen = soFar) })
    const second = upload(two, numberedHeader + numbered(0, 60), { headers: { 'Idempotency-Key': 'both' } })
    await until(() => recordsOf(seen).length > 50)
    one.process.child.kill('SIGKILL')
    const followed = await follower
    expect(followed).toMatchObject({ status: 200, complete: false })
    expect(recordsOf(followed.text).length).toBeGreaterThan(50)
    const waited = await second
    expect([waited.status, waited.headers['retry-after']]).toEqual([503, expect.any(String)])
    lost.destroy()
  })

  it('and declared dead writes nothing when it is woken, and its client is broken off', async () => {
    const [one, two] = [await start(place), await start(place)]
    await setTimeout(11_000)
    const client = await begin(one)
    const strict = await begin(one, '', 'strict=true')
    const imports = await newest(two)
    one.process.child.kill('SIGSTOP')
    // Long silence, made short: nothing is said about how long, only that it then is dead.
    await setTimeout(500)
    await database.raw(`update processes set seen_at = seen_at - interval '2 minutes'
      where id = (select process_id from imports limit 1)`)
    for (const { id } of imports) await untilReceipt(two, id, aborted)
    const before = await database('users').pluck<string[]>('slug')
    await client.chunk(numbered(60, 200))
    await client.chunk('')
    await strict.chunk('')
    one.process.child.kill('SIGCONT')
    expect(await client.ending()).toBe('reset')
    expect(client.body.complete).toBe(false)
    await strict.until((text) => text.includes('HTTP/1.1 '))
    expect(strict.status).toBe(503)
    await setTimeout(2_000)
    expect((await database('users').pluck<string[]>('slug')).sort()).toEqual(before.sort())
    for (const { id } of imports) expect(await receiptOf(two, id)).toMatchObject({ state: 'aborted' })
    const again = await upload(one, numberedHeader + numbered(0, 200))
    expect([again.status, again.complete]).toEqual([200, true])
    await setTimeout(7_000)
    const later = await begin(one)
    await setTimeout(7_000)
    expect((await newest(two))[0]).toMatchObject({ state: 'running' })
    later.destroy()
    client.destroy()
    strict.destroy()
  })

  it('lives on where only its sessions of the database were ended', async () => {
    const [one, two] = [await start(place), await start(place)]
    await setTimeout(11_000)
    const client = await begin(one)
    const [receipt] = await newest(two)
    await database.raw(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rollcall' and datname = current_database()`,
    )
    await setTimeout(16_000)
    expect(await receiptOf(two, receipt!.id)).toMatchObject({ state: 'running' })
    await client.chunk(numbered(60, 61))
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    expect(await receiptOf(two, receipt!.id)).toMatchObject({ state: 'finished' })
    client.destroy()
  })

  it('lives on where it only stood still for a quarter of a minute', async () => {
    const [one, two] = [await start(place), await start(place)]
    const client = await begin(one)
    const [receipt] = await newest(two)
    one.process.child.kill('SIGSTOP')
    await setTimeout(15_000)
    expect(await receiptOf(two, receipt!.id)).toMatchObject({ state: 'running' })
    one.process.child.kill('SIGCONT')
    await client.chunk(numbered(60, 61))
    await client.chunk('')
    await client.until((text) => text.includes('\r\n0\r\n'))
    expect(await receiptOf(two, receipt!.id)).toMatchObject({ state: 'finished', counts: { rows: 61 } })
    client.destroy()
  })

  it('in one process is stopped by DELETE in another', async () => {
    const [one, two] = [await start(place), await start(place)]
    const client = await begin(one)
    const [receipt] = await newest(two)
    const { exchange } = await import('../support/receipts.ts')
    const path = `/api/import/organization/users/${receipt!.id}`
    expect((await exchange(two, { method: 'DELETE', path })).status).toBe(202)
    expect(await client.ending()).toBe('reset')
    const now = await untilReceipt(two, receipt!.id, aborted)
    expect(now.reason?.code).toBe('import.stopped')
    client.destroy()
  })

  it('has an Idempotency-Key that is followed from the other process while it runs', async () => {
    const [one, two] = [await start(place), await start(place)]
    const body = numberedHeader + numbered(0, 20_000)
    const headers = { 'Idempotency-Key': 'shared' }
    const answers = await Promise.all([one, two, one, two].map((each) => upload(each, body, { headers })))
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, complete: true })
      expect(answer.headers['import-id']).toBe(answers[0]!.headers['import-id'])
      expect(answer.bytes.equals(answers[0]!.bytes)).toBe(true)
    }
    expect(await newest(one)).toHaveLength(1)
  })
})
