import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { startProxy, through, type Blow, type DatabaseProxy } from './database-proxy.ts'
import { until } from '../support/until.ts'

const server = process.env['TEST_DATABASE_URL'] ?? ''
const onServer = server === '' ? describe.skip : describe

onServer('a proxy between a client and PostgreSQL', () => {
  let proxy: DatabaseProxy
  let client: Client
  let direct: Client

  const connected = async (url: string): Promise<Client> => {
    const one = new Client({ connectionString: url })
    one.on('error', () => undefined)
    await one.connect()
    return one
  }

  beforeEach(async () => {
    proxy = await startProxy(server)
    direct = await connected(server)
    await direct.query('drop table if exists struck; create table struck (n integer)')
    client = await connected(through(proxy, server))
    proxy.heal()
  })
  afterEach(async () => {
    await client.end().catch(() => undefined)
    await proxy.close()
    await direct.query('drop table struck')
    await direct.end()
  })

  const strike = (at: 'statement' | 'commit', nth: number, blow: Blow): void => {
    proxy.strike({ at, nth, blow })
  }
  const insertAndCommit = async (): Promise<void> => {
    await client.query('begin')
    await client.query('insert into struck values ($1)', [1])
    await client.query('commit')
  }
  const stored = async (): Promise<number> => {
    // A server that lost its client may still be about to notice.
    await until(async () => {
      const others = await direct.query(
        `select 1 from pg_stat_activity
          where pid <> pg_backend_pid() and datname = current_database() and state <> 'idle'`,
      )
      return others.rows.length === 0
    })
    const { rows } = await direct.query<{ n: number }>('select count(*)::integer as n from struck')
    return rows[0]?.n ?? -1
  }

  it('changes nothing and counts when it is told nothing', async () => {
    await insertAndCommit()
    expect([await stored(), proxy.statements, proxy.commits, proxy.connections]).toEqual([1, 3, 1, 1])
  })

  it.each([
    ['before', { kind: 'cut-before' }, 0],
    ['after', { kind: 'cut-after' }, 1],
    ['in the middle of', { kind: 'cut-at', byte: 7 }, 0],
    ['in the middle of the answer to', { kind: 'cut-at', byte: 20 }, 1],
  ] as const)('cuts %s COMMIT', async (_, blow, rows) => {
    strike('commit', 1, blow)
    await expect(insertAndCommit()).rejects.toThrow()
    expect(proxy.struck).toBe(true)
    expect(await stored()).toBe(rows)
    await expect(client.query('select 1')).rejects.toThrow()
  })

  it.each([1, 2, 3])('lets statement %i fail with a SQLSTATE, and the connection live', async (nth) => {
    strike('statement', nth, { kind: 'fail', sqlstate: '53100' })
    await expect(insertAndCommit()).rejects.toMatchObject({ code: '53100', severity: 'ERROR' })
    await client.query('rollback')
    expect(await stored()).toBe(0)
    await insertAndCommit()
    expect(await stored()).toBe(1)
  })

  it('aborts the transaction in which a statement fails, and ends that whose COMMIT fails', async () => {
    strike('statement', 2, { kind: 'fail', sqlstate: '22021' })
    await expect(insertAndCommit()).rejects.toMatchObject({ code: '22021' })
    await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' })
    await client.query('rollback')
    strike('commit', 1, { kind: 'fail', sqlstate: '40001' })
    await expect(insertAndCommit()).rejects.toMatchObject({ code: '40001' })
    await client.query('select 1')
    expect(await stored()).toBe(0)
  })

  it('ends a connection as the server does', async () => {
    strike('statement', 2, { kind: 'end', sqlstate: '57P01' })
    await expect(insertAndCommit()).rejects.toMatchObject({ code: '57P01', severity: 'FATAL' })
    await expect(client.query('select 1')).rejects.toThrow()
    expect([await stored(), proxy.connections]).toEqual([0, 0])
  })

  it('delays, stalls and goes on', async () => {
    proxy.setMode({ kind: 'delay', milliseconds: 50 })
    await client.query('select 1')
    proxy.setMode({ kind: 'delay', milliseconds: 3_600_000 })
    const delayed = client.query('select 1')
    expect(await Promise.race([delayed, setTimeout(200, 'nothing')])).toBe('nothing')
    proxy.setMode({ kind: 'pass' })
    await delayed
    proxy.setMode({ kind: 'stall' })
    const asked = client.query('select 1')
    expect(await Promise.race([asked, setTimeout(200, 'nothing')])).toBe('nothing')
    proxy.setMode({ kind: 'pass' })
    await asked
  })

  it('cuts all connections and refuses new ones', async () => {
    const asked = client.query('select pg_sleep(5)')
    proxy.setMode({ kind: 'refuse' })
    proxy.cutAll()
    await expect(asked).rejects.toThrow()
    await expect(connected(through(proxy, server))).rejects.toThrow()
    proxy.heal()
    const again = await connected(through(proxy, server))
    await again.end()
  })

  it('calls when a statement comes by', async () => {
    const called = new Promise((resolve) => {
      strike('statement', 2, {
        kind: 'call',
        call: () => {
          resolve('called')
        },
      })
    })
    await insertAndCommit()
    await expect(called).resolves.toBe('called')
    expect(await stored()).toBe(1)
  })
})
