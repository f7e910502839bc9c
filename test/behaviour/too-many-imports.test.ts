import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { numbered, numberedHeader } from '../support/csv.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { headOf, RawClient } from '../support/raw-client.ts'
import {
  ended,
  exchange,
  idOfBegun,
  jsonOf,
  newest,
  untilReceipt,
  upload,
  type Asked,
} from '../support/receipts.ts'
import { importPath, startService, type Service, type TokenFor } from '../support/service.ts'
import { until } from '../support/until.ts'

const onServer = (process.env['TEST_DATABASE_URL'] ?? '') === '' ? describe.skip : describe

/** An import that runs until its client says otherwise. */
async function begin(service: Asked, claims: TokenFor = {}, query?: string): Promise<RawClient> {
  const client = await RawClient.connect(service)
  const key = `begin-${Math.random()}`
  const more = `Idempotency-Key: ${key}\r\n`
  const send = async (): Promise<void> => {
    await client.write(
      headOf({ token: await service.token(claims), more, ...(query === undefined ? {} : { query }) }),
    )
    await client.chunk(numberedHeader + numbered(0, 2))
  }
  if (query === undefined) {
    await send()
    await client.until((text) => text.includes('imported'))
  } else await idOfBegun(service, send)
  return client
}

async function finish(client: RawClient): Promise<void> {
  await client.chunk('')
  await client.until((text) => text.includes('\r\n0\r\n'))
  client.destroy()
}

async function expectTooMany(service: Asked, claims: TokenFor = {}): Promise<void> {
  const answer = await upload(service, 'email\na@example.com\n', { claims })
  expect([answer.status, jsonOf(answer)['code']]).toEqual([429, 'imports.too_many'])
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
}

const statusOf = async (service: Asked, claims: TokenFor = {}): Promise<number> =>
  (await upload(service, 'email\na@example.com\n', { claims })).status

describe('too many imports at once', () => {
  let service: Service
  const other = { organization: 'other-org' }

  afterEach(() => service.close())

  it('of an organization are a 429 with Retry-After, while another still may', async () => {
    service = await startService({ settings: { MAX_IMPORTS_PER_ORGANIZATION: '2' } })
    const clients = [await begin(service), await begin(service)]
    await expectTooMany(service)
    expect(await statusOf(service, other)).toBe(200)
    await finish(clients[0]!)
    expect(await statusOf(service)).toBe(200)
    await finish(clients[1]!)
  })

  it('of all organizations are a 429 with Retry-After', async () => {
    service = await startService({ settings: { MAX_IMPORTS: '2' } })
    const clients = [await begin(service), await begin(service, other)]
    await expectTooMany(service)
    await expectTooMany(service, other)
    for (const client of clients) await finish(client)
    expect(await statusOf(service)).toBe(200)
  })

  it('leave room again when one was aborted, stopped, refused or was a dry run', async () => {
    service = await startService({ settings: { MAX_IMPORTS: '1' } })
    const vanished = await begin(service)
    vanished.socket.resetAndDestroy()
    const [receipt] = await newest(service)
    await untilReceipt(service, receipt!.id, ended)
    expect(await statusOf(service)).toBe(200)

    const stopped = await begin(service)
    const [running] = await newest(service)
    await exchange(service, { method: 'DELETE', path: `${importPath}/${running!.id}` })
    await untilReceipt(service, running!.id, ended)
    expect(await statusOf(service)).toBe(200)
    stopped.destroy()

    for (const query of ['strict=true', 'dryRun=true', 'only=invalid']) {
      await upload(service, `${numberedHeader}x,x,x\n`, { query })
      expect(await statusOf(service)).toBe(200)
    }
    await upload(service, 'what\n1\n')
    expect(await statusOf(service)).toBe(200)
  })

  it('count strict imports and dry runs that still receive their upload', async () => {
    service = await startService({ settings: { MAX_IMPORTS: '1' } })
    for (const query of ['strict=true', 'dryRun=true']) {
      const client = await begin(service, {}, query)
      await expectTooMany(service)
      await finish(client)
    }
    expect(await statusOf(service)).toBe(200)
  })

  it('do not keep the answer of an earlier one from being replayed, nor receipts from being read', async () => {
    service = await startService({ settings: { MAX_IMPORTS: '1' } })
    const headers = { 'Idempotency-Key': 'earlier' }
    const first = await upload(service, 'email\na@example.com\n', { headers })
    const client = await begin(service)
    const again = await upload(service, 'email\na@example.com\n', { headers })
    expect([again.status, again.text]).toEqual([200, first.text])
    expect(await newest(service)).toHaveLength(2)
    await finish(client)
  })

  it('are never more than the limit, however many begin at the same moment', async () => {
    service = await startService({ settings: { MAX_IMPORTS_PER_ORGANIZATION: '3' } })
    const running = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const client = await RawClient.connect(service)
        await client.write(headOf({ token: await service.token() }))
        await client.chunk(numberedHeader + numbered(0, 2))
        await client.until((text) => text.includes('imported') || text.includes('too_many'))
        return client
      }),
    )
    const begun = running.filter(({ status }) => status === 200)
    expect(begun).toHaveLength(3)
    for (const client of begun) await finish(client)
    for (const client of running) client.destroy()
  })
})

onServer('too many imports over two processes of the service', () => {
  let place: Place
  const processes: ServiceProcess[] = []

  const start = async (settings: Record<string, string>): Promise<Asked & { process: ServiceProcess }> => {
    const process = startProcess({ ...place.env, ORGANIZATIONS: 'helping-hands:1', ...settings })
    processes.push(process)
    const token = await process.token()
    return { process, port: Number(new URL(await process.url()).port), token: () => Promise.resolve(token) }
  }

  afterEach(async () => {
    for (const process of processes.splice(0)) await process.kill()
    await place.remove()
  })

  it('are a 429 in each of them', async () => {
    place = await newPlace()
    const settings = { MAX_IMPORTS: '2' }
    const [one, two] = [await start(settings), await start(settings)]
    const clients = [await begin(one), await begin(two)]
    await expectTooMany(one)
    await expectTooMany(two)
    await finish(clients[0]!)
    expect(await statusOf(two)).toBe(200)
    await finish(clients[1]!)
  })

  it('leave room again where a process was killed', async () => {
    place = await newPlace()
    const settings = { MAX_IMPORTS: '2' }
    const [one, two] = [await start(settings), await start(settings)]
    await setTimeout(8_000)
    const clients = [await begin(one), await begin(one)]
    await expectTooMany(two)
    one.process.child.kill('SIGKILL')
    await until(async () => (await statusOf(two)) !== 429)
    expect(await statusOf(two)).toBe(200)
    for (const client of clients) client.destroy()
  })
})
