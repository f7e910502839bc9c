import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { headOf, RawClient } from '../support/raw-client.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const MiB = 2 ** 20
const execute = promisify(execFile)
const piece = Buffer.from(`${'x'.repeat(99)}\n`.repeat(10_486)).subarray(0, MiB)

type Refusal = readonly [status: number, query: string, headers: Readonly<Record<string, string>>]

const refusals: readonly Refusal[] = [
  [401, '', { Authorization: 'Bearer e30.e30.e30' }],
  [403, '', {}],
  [404, '', {}],
  [400, '?nonsense=1', {}],
  [406, '', { Accept: 'image/png' }],
  [413, '', {}],
  [415, '', { 'Content-Type': 'application/zip' }],
]

describe('a client in the middle of sending 16 MB', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService({ settings: { MAX_UPLOAD_BYTES: '20000000' } })
  })
  afterAll(() => service.close())

  async function headersFor([status, , headers]: Refusal): Promise<Record<string, string>> {
    const role = status === 403 ? 'organization_constituent' : 'organization_owner'
    const organization = status === 404 ? 'nowhere' : 'helping-hands'
    const token = await service.token({ role, organization })
    return { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv', ...headers }
  }

  const sizeFor = (status: number): number => (status === 413 ? 20 : 16) * MiB

  it.each(refusals)('sees the %i with node:http', async (...refusal) => {
    const [status, query] = refusal
    const headers = { ...(await headersFor(refusal)), 'Content-Length': sizeFor(status) }
    const sending = request(`${service.url}${importPath}${query}`, { method: 'POST', headers })
    const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
      sending.on('error', reject)
      sending.on('response', (response) => {
        text(response).then((body) => {
          resolve({ status: response.statusCode ?? 0, body })
        }, reject)
      })
    })
    for (let sent = 0; sent < sizeFor(status); sent += MiB) {
      await new Promise((resolve) => sending.write(piece, resolve))
    }
    sending.end()
    const { body, ...rest } = await answer
    expect(rest).toEqual({ status })
    expect(JSON.parse(body)).toMatchObject({ status })
  })

  it("sees each of them with python's http.client", async () => {
    const asked = []
    for (const refusal of refusals) asked.push([...refusal.slice(0, 2), await headersFor(refusal)])
    const program = `
import http.client, json, sys
for status, query, headers in json.loads(sys.argv[1]):
    connection = http.client.HTTPConnection('127.0.0.1', ${service.port}, timeout=30)
    body = b'x' * ((20 if status == 413 else 16) * 2 ** 20)
    connection.request('POST', '${importPath}' + query, body, headers)
    answer = connection.getresponse()
    print(status, answer.status, json.loads(answer.read())['status'])
`
    const hasPython = await execute('python3', ['--version']).then(
      () => true,
      () => false,
    )
    if (!hasPython) return
    const { stdout } = await execute('python3', ['-c', program, JSON.stringify(asked)])
    expect(stdout.trim().split('\n')).toEqual(refusals.map(([status]) => `${status} ${status} ${status}`))
  })

  it('may use the connection again', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: 'e30.e30.e30', length: 16 * MiB }))
    for (let sent = 0; sent < 16; sent += 1) await client.write(piece)
    await client.until((said) => said.includes('token.invalid'))
    await client.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until((said) => said.includes('"ok"'))
    client.destroy()
  })

  it('is refused by its first bytes, if these are not CSV', async () => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: await service.token(), length: 16 * MiB }))
    await client.write('<!DOCTYPE html>\n<html>')
    await client.until((said) => said.includes('csv.not_csv'))
    client.destroy()
  })
})

describe('a client that goes on and on', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService({ settings: { MAX_UPLOAD_BYTES: '4 GiB' } })
  })
  afterAll(() => service.close())

  it.each<[string, string, number]>([
    ['after a 401, which reads nothing', 'e30.e30.e30', 401],
    ['after a 400, which has read the beginning', '', 400],
  ])('is cut at 64 MB %s', async (_when, token, status) => {
    const client = await RawClient.connect(service)
    await client.write(headOf({ token: token === '' ? await service.token() : token, length: 2 ** 30 }))
    await client.write('<html>\n')
    let sent = 0
    for (const limit = 512 * MiB; sent < limit && (await client.ending(0)) === 'open'; sent += MiB) {
      await client.write(piece).catch(() => undefined)
      if (sent % (8 * MiB) === 0) await setTimeout(5)
    }
    expect(client.status).toBe(status)
    expect(sent).toBeGreaterThanOrEqual(60 * MiB)
    // What the system holds back on both sides counts as sent, and some have very large buffers.
    expect(sent).toBeLessThan(512 * MiB)
    client.destroy()
  })
})
