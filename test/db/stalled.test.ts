import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Knex } from 'knex'
import { setTimeout } from 'node:timers/promises'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { persevere } from '../../src/db/persevere.ts'
import { ping, query } from '../../src/db/query.ts'
import { asServiceError } from '../../src/db/trouble.ts'
import { loggedError } from '../../src/log.ts'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { openRelay, type Relay } from './relay.ts'
import { until } from '../support/until.ts'

const hasServer = (process.env['TEST_DATABASE_URL'] ?? '') !== ''
const onServer = hasServer ? describe : describe.skip

const trouble = { code: 'database.unreachable', status: 503 }

const sockets = (): number => process.getActiveResourcesInfo().filter((one) => one === 'TCPSocketWrap').length

// Others use the server of TEST_DATABASE_URL: what is frozen and crashed here is a server of our own.
onServer('a database server in trouble', () => {
  let server: PostgresServer
  let relay: Relay
  let database: Database
  let thaw: (() => void) | undefined

  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  beforeEach(async () => {
    relay = await openRelay(server.url)
    database = await openDatabase({ kind: 'postgres', url: relay.url })
  })
  afterEach(async () => {
    thaw?.()
    thaw = undefined
    await database.close()
    await relay.close()
  })

  const freeze = async (): Promise<void> => {
    thaw = await server.freeze()
  }
  const unfreeze = (): void => {
    thaw?.()
    thaw = undefined
  }

  /** The numbers of the sessions that are used for so many statements at once. */
  async function sessions(count: number): Promise<number[]> {
    const all = await Promise.all(Array.from({ length: count }, () => database.knex.transaction()))
    const rows = await Promise.all(
      all.map((trx) => query<{ pid: number }>(trx, 'select pg_backend_pid() as pid')),
    )
    await Promise.all(all.map((trx) => trx.rollback()))
    return rows.map(([row]) => row!.pid)
  }

  /** Waits until the server works on a statement that begins like this. */
  const untilWorkingOn = (sql: string): Promise<void> =>
    until(async () => {
      const working = `select 1 from pg_stat_activity where state = 'active' and query like ? || '%'`
      return (await query(database.heartbeat, working, [sql])).length > 0
    })

  async function begun(): Promise<Knex.Transaction> {
    const trx = await database.knex.transaction()
    await query(trx, 'select 1')
    return trx
  }

  describe('that is frozen', () => {
    it('is trouble for whoever waits for an answer, and for a connection, until it goes on', async () => {
      const before = await sessions(2)
      const trx = await begun()
      const idle = await begun()
      await freeze()
      const failing = [
        expect(query(trx, 'select 2')).rejects.toMatchObject(trouble),
        expect(idle.rollback()).resolves.not.toThrow(),
        ...Array.from({ length: 9 }, () => expect(ping(database.knex)).rejects.toMatchObject(trouble)),
        expect(ping(database.heartbeat)).rejects.toMatchObject(trouble),
      ]
      await Promise.all(failing)
      await trx.rollback().catch(() => undefined)
      expect(trx.isCompleted()).toBe(true)
      unfreeze()
      // None of the connections of before is used again, and none is left busy in the pool.
      const after = await sessions(10)
      expect(new Set(after).size).toBe(10)
      expect(after.filter((pid) => before.includes(pid))).toEqual([])
    })

    it('is waited for by whoever perseveres', async () => {
      await ping(database.knex)
      await freeze()
      const troubles: unknown[] = []
      const persevering = persevere(() => query(database.knex, 'select 42 as answer'), {
        onTrouble: (error) => {
          troubles.push(error)
          unfreeze()
        },
      })
      await expect(persevering).resolves.toEqual([{ answer: 42 }])
      expect(troubles).toHaveLength(1)
    })

    it('does not keep the service from ending', async () => {
      // Those that other tests have left in this process are none of its own.
      const before = sockets()
      const direct = await openDatabase({ kind: 'postgres', url: server.url })
      await Promise.all([ping(direct.knex), ping(direct.knex), ping(direct.heartbeat)])
      await freeze()
      await direct.close()
      await until(() => sockets() <= before)
    })
  })

  it('is left to work on what takes long, and to wait for a lock', async () => {
    await query(database.knex, 'create table if not exists locked (id integer)')
    const holder = await begun()
    await query(holder, 'lock table locked')
    const waiting = query(database.knex, 'select count(*)::integer as n from locked')
    const working = query(database.knex, 'select 1 as one, pg_sleep(14)')
    // The holder says something now and then, since an idle transaction is ended after 15 s.
    for (let second = 0; second < 14; second += 1) {
      await setTimeout(1_000)
      await query(holder, 'select 1')
    }
    await holder.commit()
    await expect(waiting).resolves.toEqual([{ n: 0 }])
    await expect(working).resolves.toMatchObject([{ one: 1 }])
  })

  it('that hears nothing on a connection is trouble there, and the others are not used again', async () => {
    const before = await sessions(5)
    const trx = await begun()
    relay.swallow()
    await expect(query(trx, 'select 2')).rejects.toMatchObject(trouble)
    await trx.rollback().catch(() => undefined)
    const after = await sessions(5)
    expect(after.filter((pid) => before.includes(pid))).toEqual([])
  })

  it('that is cut off in the middle of a statement is trouble, whose words hold no statement', async () => {
    const statement = query(database.knex, 'select pg_sleep(30), ?::text as secret', ['ada@example.org'])
    await untilWorkingOn('select pg_sleep(30)')
    relay.cut()
    const error = await statement.catch((one: unknown) => one)
    expect(error).toMatchObject(trouble)
    expect(JSON.stringify(loggedError(error))).not.toMatch(/select|secret|ada@/)
    await ping(database.knex)
  })

  it('whose administrator ends a session is trouble', async () => {
    const trx = await begun()
    const [row] = await query<{ pid: number }>(trx, 'select pg_backend_pid() as pid')
    const statement = expect(query(trx, 'select pg_sleep(30)')).rejects.toMatchObject(trouble)
    await query(database.knex, 'select pg_terminate_backend(?::integer)', [row!.pid])
    await statement
    await trx.rollback().catch(() => undefined)
    await ping(database.knex)
  })

  it('whose administrator cancels a statement is trouble', async () => {
    const [, cancelled] = await Promise.allSettled([
      untilWorkingOn('select pg_sleep(31)').then(() =>
        query(
          database.heartbeat,
          "select pg_cancel_backend(pid) from pg_stat_activity where query like '%pg_sleep(31)%' and pid <> pg_backend_pid()",
        ),
      ),
      query(database.knex, 'select pg_sleep(31)'),
    ])
    expect(cancelled).toMatchObject({ status: 'rejected', reason: trouble })
  })

  it('that crashes is trouble, and whoever perseveres is served by the next', async () => {
    const cut = expect(query(database.knex, 'select pg_sleep(30)')).rejects.toMatchObject(trouble)
    await untilWorkingOn('select pg_sleep(30)')
    const crashing = server.crash()
    await cut
    await expect(persevere(() => query(database.knex, 'select 1 as one'))).resolves.toEqual([{ one: 1 }])
    await crashing
  })

  it('that lets nobody of this name in is trouble', async () => {
    const urls = [server.url.replace('postgres@', 'nobody@'), server.url.replace(/postgres$/, 'nowhere')]
    for (const url of urls) {
      const other = await openDatabase({ kind: 'postgres', url })
      await expect(ping(other.knex)).rejects.toMatchObject(trouble)
      await other.close()
    }
  })
})

onServer('a pool without a free connection', () => {
  let server: PostgresServer
  let database: Database

  beforeAll(async () => {
    server = await startPostgres()
    database = await openDatabase({ kind: 'postgres', url: server.url })
  })
  afterAll(async () => {
    await database.close()
    await server.stop()
  })

  it('is trouble after five seconds, while the heartbeat has a connection of its own', async () => {
    const taken = await Promise.all(Array.from({ length: 10 }, () => database.knex.transaction()))
    const waiting = [
      expect(ping(database.knex)).rejects.toMatchObject(trouble),
      expect(
        database.knex.transaction().catch((error: unknown) => Promise.reject(asServiceError(error) as Error)),
      ).rejects.toMatchObject(trouble),
    ]
    await ping(database.heartbeat)
    await Promise.all(waiting)
    await Promise.all(taken.map((trx) => trx.rollback()))
    await ping(database.knex)
  })

  it('gives each session what lets go of locks in time, and what answers rest on, whatever the role says', async () => {
    await query(database.knex, 'create role careless login superuser')
    await query(database.knex, 'alter role careless set synchronous_commit = off')
    await query(database.knex, `alter role careless set default_transaction_isolation = 'repeatable read'`)
    await query(database.knex, `alter role careless set lock_timeout = '1s'`)
    await query(database.knex, `alter role careless set statement_timeout = '2s'`)
    const url = new URL(server.url)
    url.username = 'careless'
    const careless = await openDatabase({ kind: 'postgres', url: url.href })
    const [row] = await query(
      careless.knex,
      `select current_setting('synchronous_commit') as durability,
              current_setting('transaction_isolation') as isolation,
              current_setting('idle_in_transaction_session_timeout') as idle,
              current_setting('client_connection_check_interval') as check,
              current_setting('tcp_keepalives_idle') as keepalive,
              current_setting('tcp_user_timeout') as unheard,
              current_setting('statement_timeout') as statement,
              current_setting('lock_timeout') as lock,
              current_setting('application_name') as name`,
    )
    await careless.close()
    expect(row).toEqual({
      ...{ durability: 'on', isolation: 'read committed' },
      ...{ idle: '15s', check: '5s', keepalive: '10', unheard: '20000' },
      ...{ statement: '0', lock: '0', name: 'rollcall' },
    })
  })
})
