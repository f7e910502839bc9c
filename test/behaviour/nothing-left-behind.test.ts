import type { Knex } from 'knex'
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader } from '../support/csv.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import { ended, exchange, idOf, newest, resultOf, untilReceipt, upload } from '../support/receipts.ts'
import { importPath, startService, type Service } from '../support/service.ts'
import { until } from '../support/until.ts'

const isOnServer = (process.env['TEST_DATABASE_URL'] ?? '') !== ''

/** The files and sockets that this process has open, but for those that it had before. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((number) => {
    try {
      return [readlinkSync(`/proc/self/fd/${number}`)]
    } catch {
      return []
    }
  })
}

const spools = (): string[] =>
  openFiles().filter((name) => name.includes('rollcall-') && name.includes('(deleted)'))
const sockets = (): number => openFiles().filter((name) => name.startsWith('socket:')).length

interface Left {
  readonly sessions: number
  readonly locks: number
}

async function left(knex: Knex): Promise<Left> {
  if (!isOnServer) return { sessions: 0, locks: 0 }
  const sessions = `select count(*)::integer as count from pg_stat_activity
    where datname = current_database() and application_name = 'rollcall' and state <> 'idle'`
  const locks = `select count(*)::integer as count from pg_locks l join pg_stat_activity a using (pid)
    where a.datname = current_database() and a.application_name = 'rollcall'`
  const [one, other] = [await knex.raw(sessions), await knex.raw(locks)] as { rows: { count: number }[] }[]
  return { sessions: one!.rows[0]!.count, locks: other!.rows[0]!.count }
}

describe('some time later', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  async function untilAllEnded(): Promise<void> {
    for (const { id } of await newest(service, '?limit=200')) await untilReceipt(service, id, ended)
  }

  it('no connection, file, lock or idle transaction is left of clients that came to a bad end', async () => {
    const idle = sockets()
    const token = await service.token()
    await upload(service, numberedHeader + numbered(0, 500))
    await until(() => isOnServer || sockets() <= idle)
    const before = { sockets: sockets(), spools: spools().length }
    const body = numberedHeader + numbered(0, 4_000)
    for (const query of ['', 'strict=true', 'dryRun=true']) {
      for (const cut of [0, 10, 40, 5_000, body.length - 3, body.length]) {
        for (const key of ['', `Idempotency-Key: ${query}-${cut}\r\n`]) {
          const client = await RawClient.connect(service)
          await client.write(headOf({ token, length: body.length, query, more: key }))
          if (cut > 0) await client.write(body.slice(0, cut))
          await setTimeout(30)
          client.socket.resetAndDestroy()
        }
      }
      await upload(service, 'what\n1\n', { query: query === '' ? 'only=invalid' : query })
      await upload(service, `${numberedHeader}x,x,x\n`, { query: query === '' ? 'only=invalid' : query })
    }
    // Those that were cut run until their end is written, and only so many may at once.
    await untilAllEnded()
    const done = idOf(await upload(service, body))
    const running = await RawClient.connect(service)
    await running.write(headOf({ token, more: 'Idempotency-Key: running\r\n' }))
    await running.chunk(numberedHeader + numbered(0, 3))
    await running.until((text) => text.includes('imported'))
    const [{ id }] = (await newest(service)) as unknown as [{ id: string }]
    for (const which of [done, id]) {
      const reader = await RawClient.connect(service)
      await reader.write(
        `GET ${importPath}/${which}/result.csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      )
      await reader.until((text) => text.includes('disposition'))
      reader.socket.resetAndDestroy()
    }
    const follower = await RawClient.connect(service)
    await follower.write(headOf({ token, length: 6, more: 'Idempotency-Key: running\r\n' }))
    await follower.write('email\n')
    await setTimeout(200)
    follower.socket.resetAndDestroy()
    await exchange(service, { method: 'DELETE', path: `${importPath}/${id}` })
    running.destroy()
    await untilAllEnded()
    await resultOf(service, done)

    await until(() => spools().length === before.spools)
    await until(() => sockets() - before.sockets <= (isOnServer ? 10 : 0))
    await until(async () => {
      const { sessions, locks } = await left(service.knex)
      return sessions === 0 && locks === 0
    })
    expect(service.logged()).not.toMatch(/"level":(?:50|60)/)
    const closed = service.url
    expect((await fetch(`${closed}/readyz`)).status).toBe(200)
  }, 600_000)
})
