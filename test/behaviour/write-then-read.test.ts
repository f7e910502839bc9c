import { execFile } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { headOf, RawClient } from '../support/raw-client.ts'
import { startService, type Service } from '../support/service.ts'
import { liveMemory } from '../support/live-memory.ts'
import { until } from '../support/until.ts'

const MiB = 2 ** 20

// However busy the machine is.
const PATIENT = 150_000
jest.setTimeout(3 * PATIENT)
const execute = promisify(execFile)

/**
 * Rows of which one in a hundred is imported and the others are refused, so that the bytes count and not the
 * database: of `size` bytes in all.
 */
function uploadOf(size: number): { readonly bytes: Buffer; readonly rows: number } {
  const filler = 'x'.repeat(700)
  const lines = ['email,name\n']
  let [length, rows] = [lines[0]!.length, 0]
  while (length < size) {
    const email = rows % 100 === 0 ? `u-${rows}@example.com` : `u-${rows}`
    const line = `${email},${filler.slice(0, rows % 100 === 0 ? 200 : 700)}\n`
    lines.push(line)
    length += line.length
    rows += 1
  }
  return { bytes: Buffer.from(lines.join('')), rows }
}

/** Every row exactly once and in order, by the number in its address. */
function expectWhole(answer: string, rows: number): void {
  const lines = answer.split('\n')
  expect(lines).toHaveLength(rows + 2)
  const wrong = lines.slice(1, -1).findIndex((line, row) => {
    const disposition = row % 100 === 0 ? 'imported,,' : 'invalid,"'
    return !line.startsWith(disposition) || !line.includes(row % 100 === 0 ? `,u-${row}@` : `",u-${row},`)
  })
  expect(wrong).toBe(-1)
}

/** The temporary files that this process has open and that others could see: they have a name. */
function namedFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((number) => {
    try {
      const name = readlinkSync(`/proc/self/fd/${number}`)
      return /\/rollcall-[\da-f-]{36}$/.test(name) ? [name] : []
    } catch {
      return []
    }
  })
}

describe('a client that writes everything before it reads', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  beforeEach(() => service.knex('users').delete())

  async function writeAll(upload: Buffer, version: '1.0' | '1.1' = '1.1'): Promise<RawClient> {
    const client = await RawClient.connect(service)
    client.socket.pause()
    const head = headOf({ token: await service.token(), length: upload.length, version })
    await client.write(head)
    for (let at = 0; at < upload.length; at += MiB) await client.write(upload.subarray(at, at + MiB))
    return client
  }

  it('gets the whole answer to 32 MB', async () => {
    const { bytes, rows } = uploadOf(32 * MiB)
    const client = await writeAll(bytes)
    await until(() => namedFiles().length === 0)
    client.socket.resume()
    await client.untilWhole(PATIENT)
    expectWhole(client.body.text, rows)
    client.destroy()
  })

  it('gets the whole answer under HTTP/1.0', async () => {
    const { bytes, rows } = uploadOf(8 * MiB)
    const client = await writeAll(bytes, '1.0')
    client.socket.resume()
    expect(await client.ending(PATIENT)).toBe('ended')
    expectWhole(client.body.text, rows)
    client.destroy()
  })

  it('gets the whole answer with a pause of eight seconds before it reads', async () => {
    const { bytes, rows } = uploadOf(8 * MiB)
    const client = await writeAll(bytes)
    await setTimeout(8_000)
    client.socket.resume()
    await client.untilWhole(PATIENT)
    expectWhole(client.body.text, rows)
    client.destroy()
  })

  it('gets the end of the answer though it pauses when it has nearly all of it', async () => {
    const { bytes, rows } = uploadOf(8 * MiB)
    const client = await writeAll(bytes)
    client.socket.resume()
    // What is left then fits into the buffers of the system, and the service has nothing more to do.
    while (client.socket.bytesRead < 6 * MiB) await setTimeout(0)
    client.socket.pause()
    await setTimeout(8_000)
    client.socket.resume()
    await client.untilWhole(PATIENT)
    expectWhole(client.body.text, rows)
    client.destroy()
  })

  it("is python's http.client, and gets the whole answer to 16 MB", async () => {
    const { bytes, rows } = uploadOf(16 * MiB)
    const program = `
import http.client, sys
filler = 'x' * 700
lines = ['email,name\\n']
length, rows = len(lines[0]), 0
while length < ${bytes.length}:
    good = rows % 100 == 0
    line = ('u-%d@example.com' % rows if good else 'u-%d' % rows) + ',' + filler[:200 if good else 700] + '\\n'
    lines.append(line); length += len(line); rows += 1
connection = http.client.HTTPConnection('127.0.0.1', ${service.port}, timeout=150)
headers = {'Authorization': 'Bearer ' + sys.argv[1], 'Content-Type': 'text/csv'}
connection.request('POST', '/api/import/organization/users', ''.join(lines).encode(), headers)
answer = connection.getresponse()
sys.stdout.write('%d\\n%s' % (answer.status, answer.read().decode()))
`
    if (!(await hasPython())) return
    const options = { maxBuffer: 64 * MiB }
    const { stdout } = await execute('python3', ['-c', program, await service.token()], options)
    expect(stdout.slice(0, 4)).toBe('200\n')
    expectWhole(stdout.slice(4), rows)
  })
})

describe('a client that never reads', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  it('has its rows imported, in bounded memory, with no file to be seen, and others are served', async () => {
    const { bytes, rows } = uploadOf(16 * MiB)
    const client = await RawClient.connect(service)
    client.socket.pause()
    const head = headOf({ token: await service.token(), length: bytes.length })
    await client.write(head)
    const before = liveMemory()
    let most = 0
    for (let at = 0; at < bytes.length; at += MiB) {
      await client.write(bytes.subarray(at, at + MiB))
      most = Math.max(most, liveMemory() - before)
      await until(() => namedFiles().length === 0)
    }
    expect(most).toBeLessThan(48 * MiB)
    const wanted = Math.ceil(rows / 100)
    const stored = async (): Promise<number> =>
      Number((await service.knex('users').count({ count: '*' }))[0]!['count'])
    await until(async () => (await stored()) >= wanted, PATIENT)
    expect(await stored()).toBe(wanted)
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
    const other = await service.post('email\nother@example.com\n')
    expect(other.text).toContain('imported')
    client.destroy()
  })
})

async function hasPython(): Promise<boolean> {
  return execute('python3', ['--version']).then(
    () => true,
    () => false,
  )
}
