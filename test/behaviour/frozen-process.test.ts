import knex from 'knex'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader } from '../support/csv.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { jsonOf, upload, type Asked } from '../support/receipts.ts'
import { inTime } from '../support/until.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

onServer('a process that is frozen in the middle of a transaction', () => {
  let place: Place
  const processes: ServiceProcess[] = []

  beforeEach(async () => {
    place = await newPlace()
  })
  afterEach(async () => {
    for (const process of processes.splice(0)) {
      process.child.kill('SIGCONT')
      await process.kill()
    }
    await place.remove()
  })

  const start = async (): Promise<Asked & { process: ServiceProcess }> => {
    const process = startProcess({ ...place.env, ORGANIZATIONS: 'helping-hands:1,other-org:2' })
    processes.push(process)
    const token = await process.token()
    return { process, port: Number(new URL(await process.url()).port), token: () => Promise.resolve(token) }
  }

  it('while it begins an import does not keep others from their answer, a 503', async () => {
    const service = await start()
    const frozen = knex({ client: 'pg', connection: place.env['DATABASE_URL']!, pool: { min: 0, max: 1 } })
    const held = await frozen.transaction()
    await held.raw('select pg_advisory_xact_lock(?)', [0x696d706f])
    try {
      const answers = await inTime(
        Promise.all(Array.from({ length: 12 }, () => upload(service, 'email\na@example.com\n'))),
        120_000,
      )
      expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(503))
      for (const answer of answers) expect(jsonOf(answer)).toMatchObject({ code: 'database.unreachable' })
      expect((await fetch(`http://127.0.0.1:${service.port}/readyz`)).status).toBe(200)
    } finally {
      await held.rollback()
      await frozen.destroy()
    }
    expect((await upload(service, 'email\na@example.com\n')).status).toBe(200)
  })

  it('does not keep the imports of its organization in other processes waiting for ever', async () => {
    const [one, two] = [await start(), await start()]
    const direct = knex({ client: 'pg', connection: place.env['DATABASE_URL']!, pool: { min: 0, max: 1 } })
    const body = numberedHeader + numbered(0, 200_000)
    const client = await RawClient.connect(one)
    await client.write(headOf({ token: await one.token(), length: body.length }))
    void client.write(body).catch(() => undefined)
    await client.until((text) => text.includes('imported'))
    const held = `select count(*)::integer as count from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`
    for (let tries = 0; tries < 50; tries += 1) {
      one.process.child.kill('SIGSTOP')
      await setTimeout(100)
      const { rows } = await direct.raw<{ rows: { count: number }[] }>(held)
      if (rows[0]!.count > 0) break
      one.process.child.kill('SIGCONT')
      await setTimeout(30 + Math.random() * 50)
    }
    await direct.destroy()
    const answer = await inTime(upload(two, numberedHeader + numbered(0, 10)), 120_000)
    expect([200, 503]).toContain(answer.status)
    client.destroy()
  }, 600_000)
})
