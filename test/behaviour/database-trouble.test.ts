import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { freePort } from '../support/free-port.ts'
import { endsWhole, headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

const hasServer = (process.env['TEST_DATABASE_URL'] ?? '') !== ''
const onServer = hasServer ? describe : describe.skip

/** A way to a database server that can be cut, and a port where at first nobody is. */
class Way {
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()
  port = 0

  async reserve(): Promise<void> {
    this.port = await freePort()
  }

  /** Does nothing where it is open. */
  async openTo(target: URL): Promise<void> {
    if (this.#server !== undefined) return
    this.#server = createServer((near) => {
      const far = connect(Number(target.port || 5432), target.hostname)
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          this.#sockets.delete(socket)
          near.destroy()
          far.destroy()
        })
      }
      near.pipe(far)
      far.pipe(near)
    }).listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server === undefined) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server = undefined
    await closed
  }
}

describe('a database that is not there at the start', () => {
  let way: Way
  let service: Service
  let place: Place

  beforeAll(async () => {
    way = new Way()
    await way.reserve()
    place = await newPlace()
    const target = new URL(place.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1/postgres')
    target.host = `127.0.0.1:${way.port}`
    service = await startService({ settings: { DATABASE_URL: target.href }, prepared: false })
  })
  afterAll(async () => {
    await service.close()
    await way.close()
    await place.remove()
  })

  it('is a 503 with Retry-After, while the process lives', async () => {
    const answer = await service.post('email\nx@example.com\n')
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'database.unreachable', status: 503 })
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    expect((await fetch(`${service.url}/api/template/organization/users.csv`)).status).toBe(200)
  })

  const whenThere = hasServer ? it : it.skip
  whenThere('is taken up when it comes', async () => {
    await way.openTo(new URL(place.env['DATABASE_URL']!))
    await until(async () => (await fetch(`${service.url}/readyz`)).status === 200)
    expect((await service.post('email\nx@example.com\n')).text).toContain('imported')
  })
})

describe('a row that only the database refuses', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
    await service.knex.raw(`alter table users add constraint odd check (given_name <> 'Odd')`)
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  it.each([0, 7, 19])('is invalid at place %i of its batch, and the others are imported', async (at) => {
    const lines = numbered(0, 20).trimEnd().split('\n')
    lines[at] = `u-${at},u-${at}@example.com,Odd`
    const { status, text } = await service.post(`${numberedHeader}${lines.join('\n')}\n`)
    expect(status).toBe(200)
    const wrong = rowsOf(text).flatMap(({ disposition }, index) => (disposition === 'invalid' ? [index] : []))
    expect(wrong).toEqual([at])
    expect(await service.knex('users').pluck('slug')).toHaveLength(19)
  })
})

onServer('a database that goes away in the middle', () => {
  let way: Way
  let service: Service
  let place: Place

  beforeAll(async () => {
    way = new Way()
    await way.reserve()
    place = await newPlace()
    const target = new URL(place.env['DATABASE_URL']!)
    await way.openTo(target)
    const url = new URL(target.href)
    url.host = `127.0.0.1:${way.port}`
    service = await startService({ settings: { DATABASE_URL: url.href } })
  })
  afterAll(async () => {
    await service.close()
    await way.close()
    await place.remove()
  })
  beforeEach(async () => {
    await way.openTo(new URL(place.env['DATABASE_URL']!))
    await until(async () => (await fetch(`${service.url}/readyz`)).status === 200)
  })

  async function direct(
    use: (sql: (text: string) => Promise<{ rows: Record<string, string>[] }>) => Promise<void>,
  ): Promise<void> {
    const { default: pg } = await import('pg')
    const client = new pg.Client(place.env['DATABASE_URL'])
    await client.connect()
    try {
      await use((text) => client.query(text))
    } finally {
      await client.end()
    }
  }

  async function expectReportedStored(client: RawClient): Promise<void> {
    const text = client.body.text
    const reported = rowsOf(text.slice(0, text.lastIndexOf('\n') + 1))
    await direct(async (sql) => {
      const stored = new Set((await sql('select slug from users')).rows.map(({ slug }) => slug))
      expect(
        reported.filter(({ disposition, slug }) => disposition === 'imported' && !stored.has(slug)),
      ).toEqual([])
    })
  }

  it('for a while is waited for, and then the answer goes on', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    await way.close()
    await client.chunk(numbered(60, 120))
    await setTimeout(2_500)
    expect(rowsOf(client.body.text).length).toBeLessThanOrEqual(60)
    await way.openTo(new URL(place.env['DATABASE_URL']!))
    await client.chunk('')
    await client.until(endsWhole)
    const rows = rowsOf(client.body.text)
    expect(rows.map(({ slug }) => slug)).toEqual(Array.from({ length: 120 }, (_, index) => `u-${index}`))
    expect(rows.filter(({ disposition }) => disposition !== 'imported')).toEqual([])
    await expectReportedStored(client)
    client.destroy()
  })

  it('for longer than that breaks the answer off with a reset, and every row that it reported is there', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token() }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    await way.close()
    await client.chunk(numbered(60, 120)).catch(() => undefined)
    // Only after half a minute is it given up.
    expect(await client.ending(90_000)).toBe('reset')
    expect(client.body.complete).toBe(false)
    await expectReportedStored(client)
  })

  it('keeps P7 when every connection is ended again and again, and is as one clean run when all is sent again', async () => {
    const upload = numberedHeader + numbered(0, 6_000, 'Second')
    for (const delay of [30, 60, 120, 240]) {
      const client = await RawClient.connect(service)
      await client.write(headOf({ token: await service.token(), length: upload.length }))
      void client.write(upload).catch(() => undefined)
      await client.until((text) => text.includes('imported'))
      await setTimeout(delay)
      await direct(async (sql) => {
        // Waits until they have ended, so that none of them ends under the next upload.
        await sql(
          "select pg_terminate_backend(pid, 60000) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and application_name = 'rollcall'",
        )
      })
      await client.until((text) => endsWhole(text)).catch(() => undefined)
      await expectReportedStored(client)
      client.destroy()
    }
    const { text } = await service.post(upload)
    expect(rowsOf(text).filter(({ disposition }) => disposition !== 'imported')).toEqual([])
    await direct(async (sql) => {
      const { rows } = await sql("select count(*) as n from users where given_name like 'Second %'")
      expect(rows).toEqual([{ n: '6000' }])
      // What the service does by itself is now and then between two statements of a transaction.
      await until(async () => {
        const idle = await sql(
          "select 1 from pg_stat_activity where state like 'idle in%' and datname = current_database()",
        )
        return idle.rows.length === 0
      })
    })
  })
})
