import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { endsWhole, headOf, RawClient } from '../support/raw-client.ts'
import { importPath, startService, type Service } from '../support/service.ts'
import { inTime, until } from '../support/until.ts'

describe('stopping the process', () => {
  let place: Place
  let service: ServiceProcess
  let url: string
  let token: string
  let port: number

  beforeEach(async () => {
    place = await newPlace()
    service = startProcess({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
    url = await service.url()
    token = await service.token()
    port = Number(new URL(url).port)
  })
  afterEach(async () => {
    await service.kill()
    await place.remove()
  })

  it('ends at once and well where nothing is going on', async () => {
    await endsSoon()
    expect(service.stderr()).toBe('')
  })

  it('ends soon in spite of a connection that waits for its next request', async () => {
    const client = await RawClient.connect({ port })
    await client.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until((text) => text.includes('"ok"'))
    await endsSoon()
    client.destroy()
  })

  it('ends soon in spite of a connection that has said nothing yet, as browsers keep them', async () => {
    const silent = await RawClient.connect({ port })
    await endsSoon()
    silent.destroy()
  })

  it('ends soon after the last import has', async () => {
    const client = await RawClient.connect({ port })
    await client.write(headOf({ token }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    service.child.kill('SIGTERM')
    await refusesNew()
    await client.chunk('')
    await client.until((text) => endsWhole(text))
    await exitsSoon()
    client.destroy()
  })

  async function endsSoon(): Promise<void> {
    service.child.kill('SIGTERM')
    await exitsSoon()
  }

  async function exitsSoon(): Promise<void> {
    // Less than the twenty seconds that it grants to imports that run.
    expect(await inTime(service.exit, 15_000)).toEqual({ code: 0, signal: null })
  }

  /** Waits until it has taken notice of the signal. */
  const refusesNew = (): Promise<void> =>
    until(() =>
      fetch(`${url}/healthz`).then(
        () => false,
        () => true,
      ),
    )

  it('lets a running import finish, and takes no new one', async () => {
    const other = await RawClient.connect({ port })
    await other.write(`POST ${importPath} HTTP/1.1\r\nHost: localhost\r\n`)
    const client = await RawClient.connect({ port })
    await client.write(headOf({ token }))
    await client.chunk(numberedHeader + numbered(0, 60))
    await client.until((text) => text.includes('imported'))
    service.child.kill('SIGTERM')
    await refusesNew()

    await other.write(
      `Authorization: Bearer ${token}\r\nContent-Type: text/csv\r\nContent-Length: 20\r\n\r\nemail\na@example.com`,
    )
    await other.until((text) => text.includes('}'))
    expect(other.status).toBe(503)
    expect(other.text).toMatch(/^retry-after: \d+$/im)
    expect(other.text).toMatch(/^connection: close$/im)
    expect(other.text).toContain('"service.stopping"')
    other.destroy()
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()

    for (let row = 60; row < 70; row += 1) {
      await client.chunk(numbered(row, row + 1))
      await setTimeout(50)
    }
    await client.chunk('')
    await client.until((text) => endsWhole(text))
    expect(rowsOf(client.body.text)).toHaveLength(70)
    await expect(service.exit).resolves.toEqual({ code: 0, signal: null })
    client.destroy()
  })

  it('can be started again where it was stopped', async () => {
    service.child.kill('SIGTERM')
    await service.exit
    service = startProcess({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
    await service.token()
    expect((await fetch(`${await service.url()}/readyz`)).status).toBe(200)
  })
})

describe('an import that does not finish in time when the service stops', () => {
  let service: Service

  beforeEach(async () => {
    service = await startService()
  })
  afterEach(() => service.close())

  it.each(['1.1', '1.0'] as const)(
    'is reset under HTTP/%s, and what it reported is there',
    async (version) => {
      const client = await RawClient.connect(service)
      const begin = numberedHeader + numbered(0, 60)
      await client.write(
        headOf({ token: await service.token(), length: begin.length + 999, version }) + begin,
      )
      await client.until((text) => text.includes('imported'))
      await service.stop(200)
      expect(await client.ending()).toBe('reset')
      const text = client.body.text
      const reported = rowsOf(text.slice(0, text.lastIndexOf('\n') + 1))
      const stored = new Set(await service.knex('users').pluck('slug'))
      expect(reported.filter(({ slug }) => !stored.has(slug!))).toEqual([])
    },
  )
})
