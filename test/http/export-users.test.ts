import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import express from 'express'
import { ServiceError } from '../../src/errors.ts'
import { exportUsers } from '../../src/http/export-users.ts'
import { answerProblem } from '../../src/http/problem.ts'
import { listen, type RunningServer } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'
import type { ListedUser, UserPages } from '../../src/users/user-list.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const unreachable = (): ServiceError =>
  new ServiceError('database.unreachable', 'The database can not be reached now: try again later.', {
    headers: { 'Retry-After': '10' },
  })

const verifier = {
  verify: () =>
    Promise.resolve({
      organization: 'o',
      subject: 's',
      email: undefined,
      emailVerified: true,
      roles: ['organization_owner'],
    }),
  ready: () => Promise.resolve(),
}

describe('an export whose database', () => {
  let server: RunningServer
  let pages: UserPages['page']
  let asked: number
  let client: RawClient
  let answer: express.Response | undefined

  const page = (count: number, length = 100): ListedUser[] =>
    Array.from({ length: count }, (_, index) => [`${asked}-${index}`, 'x'.repeat(length)])

  beforeAll(async () => {
    const log = createLog('silent')
    const app = express()
    const organizations = { idOf: () => Promise.resolve(1) }
    const userPages: UserPages = {
      page: (...which) => {
        asked += 1
        return pages(...which)
      },
    }
    app.use((_req, res, next) => {
      answer = res
      next()
    })
    app.get(
      '/',
      exportUsers({ verifier, organizations, portalDomain: 'localhost', userPages, exportPage: 10 }),
    )
    app.use(answerProblem(log))
    server = await listen(app, { host: '127.0.0.1', port: 0, stopping: () => false })
  })
  afterAll(() => server.stop(100))
  beforeEach(async () => {
    asked = 0
    answer = undefined
    client = await RawClient.connect({ port: Number(new URL(server.url).port) })
  })
  afterEach(() => {
    client.destroy()
  })

  const ask = (version: '1.0' | '1.1' = '1.1', method = 'GET'): Promise<void> =>
    client.write(`${method} / HTTP/${version}\r\nHost: localhost\r\nAuthorization: Bearer a.b.c\r\n\r\n`)

  it('fails before the first page is a 503 with Retry-After', async () => {
    pages = () => Promise.reject(unreachable())
    await ask()
    await client.until((text) => text.includes('"code":"database.unreachable"'))
    expect(client.status).toBe(503)
    expect(client.text).toMatch(/^retry-after: 10$/im)
  })

  it.each(['1.1', '1.0'] as const)(
    'fails later is broken off with a reset under HTTP/%s',
    async (version) => {
      pages = () => (asked < 4 ? Promise.resolve(page(10)) : Promise.reject(unreachable()))
      await ask(version)
      expect(await client.ending()).toBe('reset')
      expect(client.status).toBe(200)
      expect(client.body.complete).toBe(false)
      expect(client.body.text.split('\n')).toHaveLength(32)
    },
  )

  it('takes its time is waited for', async () => {
    pages = async () => {
      await setTimeout(100)
      return page(asked < 4 ? 10 : 3)
    }
    await ask()
    await client.until((text) => text.endsWith('\r\n0\r\n\r\n'))
    expect(client.body.text.split('\n')).toHaveLength(35)
    expect(asked).toBe(4)
  })

  it('is asked for nothing by HEAD', async () => {
    await ask('1.1', 'HEAD')
    await client.until((text) => text.endsWith('\r\n\r\n'))
    expect([client.status, asked]).toEqual([200, 0])
  })

  it('is asked for no more than the reader takes, and for nothing when he has gone', async () => {
    const unsent: number[] = []
    pages = () => {
      unsent.push(answer!.writableLength)
      return Promise.resolve(page(10, 100_000))
    }
    client.socket.pause()
    await ask()
    // The system takes in as much as it likes; after that the answer waits in this process, and nothing is asked for.
    await until(() => answer?.writableNeedDrain === true && answer.writableLength > 0)
    let before: number
    await until(async () => {
      before = asked
      await setTimeout(300)
      return asked === before
    })
    // A page has a megabyte: one that is written, and one ahead of it.
    expect(Math.max(...unsent)).toBeLessThan(3_000_000)
    client.destroy()
    await until(() => answer!.closed)
    await setTimeout(300)
    expect(asked).toBeLessThanOrEqual(before! + 1)
  })

  it('is asked no more when the reader goes while a page is read', async () => {
    let goOn: () => void = () => undefined
    const gone = new Promise<void>((resolve) => (goOn = resolve))
    pages = async () => {
      if (asked > 1) await gone
      return page(10)
    }
    await ask()
    await client.until((text) => text.includes('200 OK'))
    client.socket.resetAndDestroy()
    await until(() => answer!.closed)
    goOn()
    await setTimeout(300)
    // The second was under way; the third is read ahead of it.
    expect(asked).toBeLessThanOrEqual(3)
  })
})
