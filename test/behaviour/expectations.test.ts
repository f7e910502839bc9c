import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { formOf, formType } from '../http/upload-server.ts'
import { membersBody, membersPath, numberedMembers, programOf } from '../support/members.ts'
import { RawClient } from '../support/raw-client.ts'
import { importPath, startService, type Service } from '../support/service.ts'

const csv = 'email\nanna@example.com\n'
const MiB = 2 ** 20

describe('a client that waits for 100 Continue before it sends', () => {
  let service: Service
  const clients: RawClient[] = []

  beforeAll(async () => {
    service = await startService({ settings: { MAX_UPLOAD_BYTES: '1000000' } })
  })
  afterAll(async () => {
    for (const client of clients) client.destroy()
    await service.close()
  })

  /** Sends the head of a request whose body is to come. */
  async function announce(
    path: string,
    headers: Readonly<Record<string, string | number>>,
    version = '1.1',
  ): Promise<RawClient> {
    const lines = Object.entries({ Host: 'localhost', Expect: '100-continue', ...headers })
    const client = await RawClient.connect(service)
    clients.push(client)
    await client.write(
      `POST ${path} HTTP/${version}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    )
    return client
  }

  const fileHead = async (length: number): Promise<Record<string, string | number>> => ({
    Authorization: `Bearer ${await service.token()}`,
    'Content-Type': 'text/csv',
    'Content-Length': length,
  })

  /** Waits until the service asks for the body, sends it, and waits for the answer to it. */
  async function sendOnceAsked(client: RawClient, body: string | Uint8Array, status: number): Promise<void> {
    const asked = 'HTTP/1.1 100 Continue\r\n\r\n'
    await client.until((said) => said.length >= asked.length)
    expect(client.text).toBe(asked)
    await client.write(body)
    await client.until((said) => said.startsWith(`${asked}HTTP/1.1 ${status} `))
  }

  it.each<[status: number, query: string, Readonly<Record<string, string | number>>]>([
    [401, '', { Authorization: 'Bearer e30.e30.e30' }],
    [403, '', { role: 'organization_constituent' }],
    [404, '', { organization: 'nowhere' }],
    [400, '?nonsense=1', {}],
    [406, '', { Accept: 'image/png' }],
    [413, '', { 'Content-Length': 2 * MiB }],
    [415, '', { 'Content-Type': 'application/zip' }],
    [415, '', { 'Content-Encoding': 'br' }],
    [415, '', { 'Content-Type': formType, 'Content-Encoding': 'br' }],
  ])('of a file gets the %i without it %s %j', async (status, query, { role, organization, ...headers }) => {
    const token = await service.token({
      role: String(role ?? 'organization_owner'),
      organization: String(organization ?? 'helping-hands'),
    })
    const client = await announce(`${importPath}${query}`, {
      ...(await fileHead(csv.length)),
      Authorization: `Bearer ${token}`,
      ...headers,
    })
    await client.until((said) => said.includes('\r\n\r\n'))
    expect(client.status).toBe(status)
    // He may send it all the same, and then use the connection again.
    await client.write(Buffer.alloc(Number(headers['Content-Length'] ?? csv.length), 'x'))
    await client.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until((said) => said.includes('"ok"'))
    expect(client.text).not.toContain('100 Continue')
  })

  it('of a file gets the refusal and the end of his connection, where he asks for that', async () => {
    const head = { ...(await fileHead(csv.length)), Authorization: 'Bearer e30.e30.e30', Connection: 'close' }
    const client = await announce(importPath, head)
    expect(await client.ending()).toBe('ended')
    expect(client.status).toBe(401)
  })

  it('of a file is asked for it where it is wanted', async () => {
    const client = await announce(importPath, await fileHead(csv.length))
    await sendOnceAsked(client, csv, 200)
    await client.until((said) => said.includes('anna@example.com'))
  })

  it('of a file is asked for it, and told what is wrong with it', async () => {
    const client = await announce(importPath, await fileHead(100_000))
    await sendOnceAsked(client, '<!DOCTYPE html>\n<html>', 400)
    await client.until((said) => said.includes('csv.not_csv'))
  })

  it('of a form is asked for it, where the token may stand in it', async () => {
    const file = { name: 'file', fileName: 'users.csv', value: csv }
    const form = formOf([{ name: 'access_token', value: await service.token() }, file])
    const headers = { 'Content-Type': formType, 'Content-Length': form.length }
    await sendOnceAsked(await announce(importPath, headers), form, 200)
    const forged = formOf([{ name: 'access_token', value: 'e30.e30.e30' }, file])
    const length = { 'Content-Length': forged.length }
    await sendOnceAsked(await announce(importPath, { ...headers, ...length }), forged, 401)
  })

  it('of members gets the refusal without them, or is asked for them', async () => {
    const owner = await programOf(service)
    const body = JSON.stringify(membersBody(numberedMembers(0, 1)))
    const head = { ...owner, 'Content-Type': 'application/json', 'Content-Length': body.length }
    for (const [status, path, wrong] of [
      [401, membersPath, { ApplicationToken: 'rca_wrong' }],
      [404, membersPath.replace('/1/', '/2/'), {}],
      [415, membersPath, { 'Content-Type': 'text/csv' }],
      [413, membersPath, { 'Content-Length': 2 * MiB }],
    ] as const) {
      const client = await announce(path, { ...head, ...wrong })
      await client.until((said) => said.includes('\r\n\r\n'))
      expect(client.status).toBe(status)
    }
    await sendOnceAsked(await announce(membersPath, head), body, 202)
  })

  it('under HTTP/1.0 does not wait for it, and is not told', async () => {
    const client = await announce(importPath, await fileHead(csv.length), '1.0')
    await client.write(csv)
    expect(await client.ending()).toBe('ended')
    expect(client.status).toBe(200)
    expect(client.text).not.toContain('100 Continue')
  })

  it('for anything else is told that nobody knows it', async () => {
    const client = await announce(importPath, { ...(await fileHead(csv.length)), Expect: 'the impossible' })
    await client.until((said) => said.includes('\r\n\r\n'))
    expect(client.status).toBe(417)
  })
})
