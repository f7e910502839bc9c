import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { newPlace, type Place } from '../support/database.ts'
import { importPath } from '../support/service.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'

describe('starting the service', () => {
  let place: Place
  let running: ServiceProcess[]

  const start = (settings: Readonly<Record<string, string>>): ServiceProcess => {
    const one = startProcess(settings)
    running.push(one)
    return one
  }

  beforeEach(async () => {
    running = []
    place = await newPlace()
  })
  afterEach(async () => {
    for (const one of running) await one.kill()
    await place.remove()
  })

  it.each<[string, Record<string, string>]>([
    ['PORT', { PORT: '99999' }],
    ['MAX_ROWS', { MAX_ROWS: 'many' }],
    ['JWT_ISSUER', { HOST: '0.0.0.0' }],
    ['JWKS_URL', { JWT_ISSUER: 'https://a.example', JWT_AUDIENCE: 'a', JWKS_URL: 'http://a.example/k' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://root:geheim@localhost/x' }],
    ['ORGANIZATIONS', { ORGANIZATIONS: 'Helping Hands' }],
  ])('is refused with one sentence that names %s', async (name, settings) => {
    const { exit, stderr, stdout } = start({ ...place.env, ...settings })
    await expect(exit).resolves.toEqual({ code: 1, signal: null })
    expect(stderr()).toMatch(new RegExp(`^${name} must be .+\\n$`))
    expect(stderr() + stdout()).not.toMatch(/geheim|\bat .*:\d+/)
  })

  it('is refused where an organization exists under another id', async () => {
    const first = start({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
    await first.token()
    first.child.kill('SIGTERM')
    await expect(first.exit).resolves.toEqual({ code: 0, signal: null })
    const second = start({ ...place.env, ORGANIZATIONS: 'helping-hands:2' })
    await expect(second.exit).resolves.toEqual({ code: 1, signal: null })
    expect(second.stderr()).toMatch(/^ORGANIZATIONS asks for helping-hands:2, .+\n$/)
  })

  it('is refused in a folder that another process has, and says which', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
    const first = start({ DATA_DIR: dataDir })
    const token = await first.token()
    const second = start({ DATA_DIR: dataDir })
    await expect(second.exit).resolves.toEqual({ code: 1, signal: null })
    expect(second.stderr()).toMatch(
      new RegExp(`^[^\\n]*${dataDir}[^\\n]* process ${first.child.pid}\\b.*\\n$`),
    )
    const answer = await fetch(`${await first.url()}${importPath}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv' },
      body: 'email\nanna@example.com\n',
    })
    await expect(answer.text()).resolves.toContain('imported')
    await first.kill()
    const third = start({ DATA_DIR: dataDir })
    await third.token()
    await third.kill()
    await rm(dataDir, { recursive: true })
  })

  it('prints a token that is good for imports in the background too', async () => {
    const service = start({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
    const token = await service.token()
    const answer = await fetch(`${await service.url()}${importPath}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv', Prefer: 'respond-async' },
      body: 'email\nanna@example.com\n',
    })
    await expect(answer.text()).resolves.toBe('')
    expect(answer.status).toBe(202)
  })

  it('is refused on a port that is taken', async () => {
    const first = start({ ...place.env, ORGANIZATIONS: 'helping-hands:1' })
    const { port } = new URL(await first.url())
    const other = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
    const second = start({ DATA_DIR: other, PORT: port })
    await expect(second.exit).resolves.toMatchObject({ code: 1 })
    expect(second.stdout() + second.stderr()).toContain('EADDRINUSE')
    await rm(other, { recursive: true })
  })

  it('has all that was imported after it was killed', async () => {
    const settings = { ...place.env, ORGANIZATIONS: 'helping-hands:1' }
    const first = start(settings)
    const rows = Array.from({ length: 3_000 }, (_, index) => `u-${index}@example.com\n`).join('')
    const post = async (one: ServiceProcess, query: string): Promise<Response> => {
      const [url, token] = [await one.url(), await one.token()]
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv' }
      return fetch(`${url}${importPath}${query}`, { method: 'POST', headers, body: `email\n${rows}` })
    }
    const answer = await post(first, '')
    let reported = ''
    const reading = (async () => {
      for await (const chunk of answer.body!) {
        reported += Buffer.from(chunk).toString()
        if (reported.split('\n').length > 200) first.child.kill('SIGKILL')
      }
    })()
    await reading.catch(() => undefined)
    await first.exit
    const imported = reported.slice(0, reported.lastIndexOf('\n')).match(/(?<=^imported,,)\S+$/gm) ?? []
    expect(imported.length).toBeGreaterThan(100)
    const second = start(settings)
    const again = await (await post(second, '?dispositions=detailed')).text()
    const unchanged = new Set(again.match(/(?<=^unchanged,,)\S+$/gm))
    expect(imported.filter((email) => !unchanged.has(email))).toEqual([])
    expect(again.split('\n')).toHaveLength(3_002)
  })
})
