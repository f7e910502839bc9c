import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { numbered, numberedHeader, rowsOf } from '../support/csv.ts'
import { RawClient } from '../support/raw-client.ts'
import { importPath, startService, type Service } from '../support/service.ts'
import { settledUsers } from '../support/settled-users.ts'
import { until } from '../support/until.ts'

const MiB = 2 ** 20
const execute = promisify(execFile)
const csv = 'email\nanna@example.com\nben@example.com\n'
const boundary = 'a-boundary-of-the-tests'
const formType = `multipart/form-data; boundary=${boundary}`
const fileHead = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="users.csv"\r\n\r\n`
const formEnd = `\r\n--${boundary}--\r\n`
const tokenField = (token: string): string =>
  `--${boundary}\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n${token}\r\n`

/** The head of a request, with header lines as they are given. */
function requestHead(lines: Readonly<Record<string, string | number>>): string {
  const given = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${importPath} HTTP/1.1\r\nHost: localhost\r\n${given.join('')}\r\n`
}

describe('what people really upload', () => {
  let service: Service
  let folder: string

  beforeAll(async () => {
    service = await startService()
    folder = await mkdtemp(join(tmpdir(), 'rollcall-uploads-'))
    await writeFile(join(folder, 'users.csv'), csv)
  })
  afterAll(async () => {
    await service.close()
    await rm(folder, { recursive: true })
  })
  beforeEach(async () => {
    await settledUsers(service.knex)
    await service.knex('users').delete()
  })

  async function postForm(parts: string | Buffer, headers: Record<string, string> = {}) {
    const answer = await fetch(service.url + importPath, {
      method: 'POST',
      headers: { 'Content-Type': formType, ...headers },
      body: typeof parts === 'string' ? Buffer.from(parts) : parts,
    })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }

  it('is never imported from a form without a token, or with one that is not good', async () => {
    const none = await postForm(fileHead + csv + formEnd)
    expect(none.status).toBe(401)
    expect(none.headers.get('www-authenticate')).toBe('Bearer')
    expect(JSON.parse(none.text)).toMatchObject({ code: 'token.missing' })
    const forged = await postForm(tokenField('e30.e30.e30') + fileHead + csv + formEnd)
    expect(forged.status).toBe(401)
    expect(forged.headers.get('www-authenticate')).toContain('invalid_token')
    const constituent = await service.token({ role: 'organization_constituent' })
    expect((await postForm(tokenField(constituent) + fileHead + csv + formEnd)).status).toBe(403)
    expect(await service.knex('users')).toEqual([])
  })

  it('in a form with a bad header is refused before any of the form has come', async () => {
    const client = await RawClient.connect(service)
    const lines = {
      Authorization: 'Bearer e30.e30.e30',
      'Content-Type': formType,
      'Content-Length': 10 * MiB,
    }
    await client.write(requestHead(lines))
    await client.until((text) => text.includes('token.invalid'))
    expect(client.status).toBe(401)
    client.destroy()
  })

  it('in a form says no other option than the query does', async () => {
    const field = `--${boundary}\r\nContent-Disposition: form-data; name="dryRun"\r\n\r\ntrue\r\n`
    const answer = await postForm(tokenField(await service.token()) + field + fileHead + csv + formEnd)
    expect(answer.status).toBe(400)
    expect(await service.knex('users')).toEqual([])
  })

  it('in a form with a token is imported', async () => {
    const { status, text } = await postForm(tokenField(await service.token()) + fileHead + csv + formEnd)
    expect(status).toBe(200)
    expect(rowsOf(text).map(({ disposition }) => disposition)).toEqual(['imported', 'imported'])
    expect(await service.knex('users')).toHaveLength(2)
  })

  it('in a form and in another charset is told to come without the form', async () => {
    const head = tokenField(await service.token()) + fileHead
    const answerTo = (file: string) => postForm(Buffer.from(head + file + formEnd, 'latin1'))
    const cure = 'send it without a form, as Content-Type: text/csv;charset=windows-1252'
    const badRow = await answerTo('email,name\nanna@example.com,Ren\xE9e\n')
    expect(badRow.status).toBe(200)
    expect(rowsOf(badRow.text)[0]?.['errors']).toContain(cure)
    const badHeader = await answerTo('email,Pr\xE9nom\n')
    expect(badHeader.status).toBe(400)
    expect(JSON.parse(badHeader.text)).toMatchObject({ detail: expect.stringContaining(cure) })
    const answer = await fetch(service.url + importPath, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${await service.token()}`,
        'Content-Type': 'text/csv;charset=windows-1252',
      },
      body: Buffer.from('email,name\nanna@example.com,Ren\xE9e\n', 'latin1'),
    })
    expect(rowsOf(await answer.text())[0]?.['disposition']).toBe('imported')
  })

  it('with curl, as a form and packed, is imported', async () => {
    const hasCurl = await execute('curl', ['--version']).then(
      () => true,
      () => false,
    )
    if (!hasCurl) {
      console.warn('There is no curl here: skipped.')
      return
    }
    const token = await service.token()
    const url = service.url + importPath
    const bearer = ['-H', `Authorization: Bearer ${token}`]
    const file = join(folder, 'users.csv')
    await writeFile(`${file}.gz`, gzipSync(csv))
    const ways: readonly (readonly string[])[] = [
      ['--form-string', `access_token=${token}`, '-F', `file=@${file}`],
      [...bearer, '-F', `file=@${file};type=application/pdf`, '-F', 'send=Send'],
      [...bearer, '-F', `file=@${file}`, '-H', 'Transfer-Encoding: chunked'],
      [
        ...bearer,
        '-H',
        'Content-Type: text/csv',
        '-H',
        'Content-Encoding: gzip',
        '--data-binary',
        `@${file}.gz`,
      ],
    ]
    for (const way of ways) {
      await service.knex('users').delete()
      const { stdout } = await execute('curl', ['-sS', ...way, url])
      expect(rowsOf(stdout).map(({ email }) => email)).toEqual(['anna@example.com', 'ben@example.com'])
      expect(await service.knex('users')).toHaveLength(2)
    }
    const late = ['-F', `file=@${file}`, '--form-string', `access_token=${token}`]
    const { stdout } = await execute('curl', ['-sS', ...late, url])
    expect(JSON.parse(stdout)).toMatchObject({ detail: expect.stringContaining('before the file') })
  })

  const upload = numberedHeader + numbered(0, 400)

  it('and breaks off, packed or in a form, is never answered whole, and no cut row is imported', async () => {
    const token = await service.token()
    const form = Buffer.from(fileHead + upload + formEnd)
    const packed = gzipSync(upload)
    const bodies = [
      { body: form.subarray(0, -4), headers: { 'Content-Type': formType } },
      { body: form.subarray(0, form.length - formEnd.length - 3), headers: { 'Content-Type': formType } },
      { body: packed.subarray(0, -1), headers: { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' } },
      { body: packed.subarray(0, packed.length / 2), headers: { 'Content-Encoding': 'gzip' } },
    ]
    for (const { body, headers } of bodies) {
      await service.knex('users').delete()
      const client = await RawClient.connect(service)
      const lines = { Authorization: `Bearer ${token}`, 'Content-Length': body.length, ...headers }
      await client.write(requestHead(lines))
      await client.write(body)
      await client.until((text) => text.includes('}') || text.includes('imported')).catch(() => undefined)
      if (client.status === 200) {
        expect(await client.ending()).toBe('reset')
        expect(client.body.complete).toBe(false)
      } else expect(client.status).toBe(400)
      const slugs = await settledUsers(service.knex)
      const whole = new Set(Array.from({ length: 400 }, (_, index) => `u-${index}`))
      expect(slugs.filter((slug) => !whole.has(slug))).toEqual([])
      client.destroy()
    }
  })

  it('and ends with its last row cut, packed, does not import what is left of it', async () => {
    const client = await RawClient.connect(service)
    const packed = gzipSync('slug,email\ns-1,anna@example.com\ns-2,ben@example.co', { level: 0 })
    const body = packed.subarray(0, -8)
    const lines = { Authorization: `Bearer ${await service.token()}`, 'Content-Encoding': 'gzip' }
    await client.write(requestHead({ ...lines, 'Content-Length': body.length }))
    await client.write(body)
    await until(async () => client.status >= 400 || (await client.ending(0)) !== 'open')
    expect(await settledUsers(service.knex)).not.toContain('s-2')
    client.destroy()
  })
})

describe('a client that sends 60 MB before it reads', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService({ settings: { MAX_UPLOAD_BYTES: '100 MiB' } })
  })
  afterAll(() => service.close())

  const junk = Buffer.alloc(MiB, 'x')
  const html = '<!DOCTYPE html>\n<html>\n'
  const gzip = { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' }

  it.each<[string, number, Buffer, Record<string, string>]>([
    ['what is not CSV, packed', 400, gzipSync(html, { level: 0 }), gzip],
    ['what is not gzip', 400, Buffer.from(html), gzip],
    ['what is not CSV, in a form', 400, Buffer.from(fileHead + html), { 'Content-Type': formType }],
    [
      'what is not CSV, in a packed form',
      400,
      gzipSync(fileHead + html, { level: 0 }),
      { ...gzip, 'Content-Type': formType },
    ],
    ['a form without a file', 400, Buffer.alloc(0), { 'Content-Type': formType }],
  ])('%s, sees the %i', async (_what, status, beginning, headers) => {
    const client = await RawClient.connect(service)
    client.socket.pause()
    const lines = { Authorization: `Bearer ${await service.token()}`, ...headers }
    await client.write(requestHead({ ...lines, 'Content-Length': 60 * MiB }))
    await client.write(beginning)
    let left = 60 * MiB - beginning.length
    for (; left > 0; left -= junk.length) await client.write(junk.subarray(0, Math.min(left, junk.length)))
    client.socket.resume()
    await client.until((text) => text.includes('}'))
    expect(client.status).toBe(status)
    expect(JSON.parse(client.body.text)).toMatchObject({ status })
    await client.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until((text) => text.includes('"ok"'))
    client.destroy()
  })
})

describe('a packed upload that is larger than it looks', () => {
  let service: Service
  const bomb = gzipSync(`email\n${'x'.repeat(50 * MiB)}`)

  beforeAll(async () => {
    service = await startService({ settings: { MAX_UPLOAD_BYTES: '300000' } })
  })
  afterAll(() => service.close())

  it('is refused with 413 before its first row', async () => {
    const answer = await service.post(bomb, { headers: { 'Content-Encoding': 'gzip' } })
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'upload.too_large' })
    expect(await service.knex('users')).toEqual([])
  })

  it('is broken off after its first rows, which are imported', async () => {
    const client = await RawClient.connect(service)
    const first = gzipSync(numberedHeader + numbered(0, 60))
    const lines = { Authorization: `Bearer ${await service.token()}`, 'Content-Encoding': 'gzip' }
    await client.write(requestHead({ ...lines, 'Content-Length': first.length + bomb.length }))
    await client.write(first)
    await client.until((text) => text.includes('u-49,'))
    await client.write(bomb)
    expect(await client.ending()).toBe('reset')
    expect(client.status).toBe(200)
    expect(client.body.complete).toBe(false)
    expect((await settledUsers(service.knex)).length).toBeGreaterThanOrEqual(50)
  })
})

describe('an upload with an empty Content-Type', () => {
  it('is taken as one with none', async () => {
    const service = await startService()
    const answer = await service.post('email\n', { headers: { 'Content-Type': '' } })
    await service.close()
    expect(answer.status).toBe(200)
  })
})
